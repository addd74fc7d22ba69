/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* Handles of librdkafka. */
#include "examples/orange-juice/oj_client.h"

#include <string.h>

/* -- public -------------------------------------------------------------- */

bool
oj_client_properties_add(struct oj_client_properties *properties,
                         const char *name, const char *value,
                         struct oj_err *err)
{
	if (properties->count == OJ_CLIENT_PROPERTIES_MAX)
		return oj_err_set(err, "more than %d properties",
		                  OJ_CLIENT_PROPERTIES_MAX);
	properties->names[properties->count] = name;
	properties->values[properties->count++] = value;
	return true;
}

bool
oj_client_properties_add_text(struct oj_client_properties *properties,
                              char *text, struct oj_err *err)
{
	char *equals = strchr(text, '=');

	if (equals == NULL || equals == text)
		return oj_err_set(err, "-X %s: want NAME=VALUE", text);
	*equals = '\0';
	return oj_client_properties_add(properties, text, equals + 1, err);
}

rd_kafka_t *
oj_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf,
              const struct oj_client_properties *properties, struct oj_err *err)
{
	char text[400];

	for (size_t i = 0; i < properties->count; i++) {
		if (rd_kafka_conf_set(conf, properties->names[i],
		                      properties->values[i], text,
		                      sizeof(text)) != RD_KAFKA_CONF_OK) {
			rd_kafka_conf_destroy(conf);
			(void)oj_err_set(err, "%s", text);
			return NULL;
		}
	}
	rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof(text));
	if (client == NULL) {
		rd_kafka_conf_destroy(conf);
		(void)oj_err_set(err, "%s", text);
	}
	return client;
}

bool
oj_client_partitions(rd_kafka_t *client, const char *topic, int timeout_ms,
                     int32_t *out_partitions, struct oj_err *err)
{
	const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
	rd_kafka_resp_err_t code = handle == NULL
		? rd_kafka_last_error()
		: rd_kafka_metadata(client, 0, handle, &metadata, timeout_ms);
	int count = 0;

	if (code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) {
		code = metadata->topics[0].err;
		count = metadata->topics[0].partition_cnt;
	}
	if (metadata != NULL)
		rd_kafka_metadata_destroy(metadata);
	if (handle != NULL)
		rd_kafka_topic_destroy(handle);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return oj_err_set(err, "topic %s: %s", topic,
		                  rd_kafka_err2str(code));
	if (count < 1)
		return oj_err_set(err, "topic %s has no partitions", topic);
	*out_partitions = count;
	return true;
}
