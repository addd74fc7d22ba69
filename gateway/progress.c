/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The progress record: JSON, since a person reads it in the worst hour.
 */
#include "gateway/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/runtime/json.h"
#include "base/runtime/text.h"

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool
parse_hex(const char *hex, uint8_t *out, size_t len)
{
	if (hex == NULL || strlen(hex) != len * 2)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = nibble(hex[i * 2]), low = nibble(hex[i * 2 + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool
parse_name(const struct json *value, char out[PROGRESS_NAME_MAX])
{
	const char *name = json_string(value);

	if (name == NULL || strlen(name) >= PROGRESS_NAME_MAX)
		return false;
	strcpy(out, name);
	return true;
}

/* Without the list, what waits would be taken for delivered. */
static bool
parse_parked(const struct json *list, struct progress *out)
{
	if (list == NULL || json_type(list) != JSON_ARRAY ||
	    json_count(list) > PROGRESS_PARKED_MAX)
		return false;
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *one = json_at(list, i);
		struct progress_parked *p = &out->parked[i];

		p->seq = json_integer(json_get(one, "seq"), -1);
		if (p->seq < 0 ||
		    !parse_name(json_get(one, "tenant"), p->tenant) ||
		    !parse_name(json_get(one, "feed"), p->feed))
			return false;
	}
	out->parked_count = json_count(list);
	return true;
}

/* -1: none, or none that fits. */
static int
parse_int(const struct json *root, const char *key)
{
	int64_t value = json_integer(json_get(root, key), -1);

	return value > INT32_MAX || value < 0 ? -1 : (int)value;
}

static bool
parse_members(const struct json *root, const char *deployment,
              struct progress *out)
{
	const char *name = json_string(json_get(root, "deployment"));

	out->lane = parse_int(root, "lane");
	out->incarnation = parse_int(root, "incarnation");
	out->epoch = json_integer(json_get(root, "epoch"), -1);
	out->seq = json_integer(json_get(root, "seq"), -1);
	out->system_id = json_integer(json_get(root, "system_id"), 0);
	out->timeline = parse_int(root, "timeline");
	return name != NULL && strcmp(name, deployment) == 0 &&
		out->lane >= 0 && out->incarnation > 0 && out->epoch > 0 &&
		out->seq > 0 && out->timeline >= 0 &&
		parse_hex(json_string(json_get(root, "chain")), out->chain,
	                  sizeof(out->chain)) &&
		parse_parked(json_get(root, "parked"), out);
}

/* -- public ---------------------------------------------------------------- */

void
progress_topic(const char *deployment, char out[PROGRESS_TOPIC_MAX])
{
	snprintf(out, PROGRESS_TOPIC_MAX, "waybill.%s.progress", deployment);
}

void
progress_transactional_id(const char *deployment, int lane,
                          char out[PROGRESS_TOPIC_MAX])
{
	snprintf(out, PROGRESS_TOPIC_MAX, "waybill.%s.%d", deployment, lane);
}

void
progress_print(const struct progress *p, const char *deployment,
               struct text *out)
{
	text_add(out, "{\"deployment\":");
	text_add_json(out, deployment, strlen(deployment));
	text_addf(out,
	          ",\"lane\":%d,\"incarnation\":%d,\"epoch\":%" PRId64
	          ",\"seq\":%" PRId64 ",\"chain\":\"",
	          p->lane, p->incarnation, p->epoch, p->seq);
	text_add_hex(out, p->chain, sizeof(p->chain));
	text_add(out, "\",\"parked\":[");
	for (size_t i = 0; i < p->parked_count; i++) {
		const struct progress_parked *one = &p->parked[i];

		text_add(out, i > 0 ? ",{\"tenant\":" : "{\"tenant\":");
		text_add_json(out, one->tenant, strlen(one->tenant));
		text_add(out, ",\"feed\":");
		text_add_json(out, one->feed, strlen(one->feed));
		text_addf(out, ",\"seq\":%" PRId64 "}", one->seq);
	}
	text_addf(out, "],\"system_id\":%" PRId64 ",\"timeline\":%d}",
	          p->system_id, p->timeline);
}

enum err_code
progress_parse(const uint8_t *bytes, size_t len, const char *deployment,
               struct progress *out, struct err *err)
{
	struct json *root = NULL;
	struct progress parsed = { 0 };
	bool good;

	if (bytes == NULL)
		return err_set(err, ERR_INVALID, "a tombstone, no record");
	if (json_parse((const char *)bytes, len, &root, err) != ERR_OK)
		return err_context(err, "progress record");
	good = parse_members(root, deployment, &parsed);
	json_free(&root);
	if (!good)
		return err_set(err, ERR_INVALID,
		               "not a progress record of deployment %s",
		               deployment);
	*out = parsed;
	return ERR_OK;
}
