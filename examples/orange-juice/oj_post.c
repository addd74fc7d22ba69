/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * orange-juice post: what the first stores send, to a daemon's HTTP interface:
 * frames, many in a request, and a ledger of what the answers said of each.
 */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "examples/orange-juice/oj_commands.h"
#include "examples/orange-juice/oj_digest.h"
#include "examples/orange-juice/oj_rest.h"
#include "examples/orange-juice/oj_stream.h"

enum {
	BATCH_MAX = 500,
	TOKEN_BYTES = 128,
	STATUSES = 600,
	TENANTS = 2,
	TRIES_MAX = 10
};

static const char HELP[] =
	"usage: orange-juice post --url URL --key TENANT=FILE... --rda FILE\n"
	"         [options]\n"
	"\n"
	"Sends to a daemon by HTTP what orange-juice produce --rest-stores N\n"
	"leaves out. What is not answered is sent again, with the same id.\n"
	"\n"
	"  --key us=FILE    the file with the API key of this tenant\n"
	"  --rest-stores N  what the first N stores send (default 2)\n"
	"  --weeks A-B      only that of these weeks\n"
	"  --seed N, --spoiled N, --misrouted N, --limit N: as of produce\n"
	"  --batch N        messages of a request (default 50)\n"
	"  --wait           wait for Kafka with each request (?wait=forwarded)\n"
	"  --repeat         send the last request of each feed once more, as if\n"
	"                   the answer had been lost\n"
	"  --receipt TENANT/ID  send nothing: print this receipt, as it is now\n"
	"  --ledger FILE    append what was answered: topic, id, sha256 of key\n"
	"                   and body, kind, verdict, level, status\n"
	"\n"
	"Exit code: 0 every message has a receipt, 1 not all, 2 wrong usage.\n";

/* The messages of one feed that wait for their request. */
struct parcel {
	size_t count;
	size_t sent; /* requests */
	size_t size;
	size_t room;
	uint8_t *bytes;
	enum oj_kind kinds[BATCH_MAX];
	uint8_t digests[BATCH_MAX][OJ_DIGEST_SIZE];
};

struct posting {
	const char *url;
	const char *rda;
	const char *ledger_path;
	const char *receipt;
	size_t batch;
	bool wait;
	bool repeat;
	bool help;
	char tokens[TENANTS][TOKEN_BYTES]; /* us, ca */
	struct oj_stream_options stream;

	struct oj_rest *rest;
	struct oj_digest *digest;
	FILE *ledger;
	struct parcel parcels[OJ_FEEDS];
	size_t statuses[STATUSES];
	size_t messages;
	size_t requests;
	size_t repeats;
	size_t recorded, forwarded; /* levels of receipts */
	char last[64];              /* the last accepted one's id */
};

static const struct option OPTIONS[] = {
	{ "url", required_argument, NULL, 'u' },
	{ "key", required_argument, NULL, 'k' },
	{ "rda", required_argument, NULL, 'f' },
	{ "seed", required_argument, NULL, 's' },
	{ "spoiled", required_argument, NULL, 'S' },
	{ "misrouted", required_argument, NULL, 'm' },
	{ "limit", required_argument, NULL, 'l' },
	{ "weeks", required_argument, NULL, 'w' },
	{ "rest-stores", required_argument, NULL, 'R' },
	{ "batch", required_argument, NULL, 'b' },
	{ "wait", no_argument, NULL, 'W' },
	{ "repeat", no_argument, NULL, 'r' },
	{ "receipt", required_argument, NULL, 'i' },
	{ "ledger", required_argument, NULL, 'L' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int
tenant_of(const char *name)
{
	return strcmp(name, "us") == 0 ? 0 : strcmp(name, "ca") == 0 ? 1 : -1;
}

static bool
token_take(struct posting *posting, char *text, struct oj_err *err)
{
	char *path = strchr(text, '=');

	if (path == NULL)
		return oj_err_set(err, "--key %s: not TENANT=FILE", text);
	*path++ = '\0';
	int tenant = tenant_of(text);
	if (tenant < 0)
		return oj_err_set(err, "--key: what tenant is %s?", text);
	FILE *file = fopen(path, "re");
	char *token = posting->tokens[tenant];
	bool ok = file != NULL && fgets(token, TOKEN_BYTES, file) != NULL;
	if (file != NULL)
		(void)fclose(file);
	token[strcspn(token, "\r\n")] = '\0';
	return ok || oj_err_set(err, "%s cannot be read", path);
}

static bool
number_take(size_t *out, const char *text, long long max, struct oj_err *err)
{
	long long number = oj_commands_number_parse(text, max);

	if (number < 0)
		return oj_err_set(err, "%s: not a number from 0 to %lld", text,
		                  max);
	*out = (size_t)number;
	return true;
}

static bool
option_take(struct posting *posting, int letter, char *value,
            struct oj_err *err)
{
	struct oj_stream_options *stream = &posting->stream;
	size_t number = 0;

	switch (letter) {
	case 'u':
		posting->url = value;
		return true;
	case 'k':
		return token_take(posting, value, err);
	case 'f':
		posting->rda = value;
		return true;
	case 's':
		if (!number_take(&number, value, INT64_MAX, err))
			return false;
		stream->seed = number;
		return true;
	case 'S':
		return number_take(&stream->spoiled, value, 10000000, err);
	case 'm':
		return number_take(&stream->misrouted, value, 10000000, err);
	case 'l':
		return number_take(&stream->limit, value, INT64_MAX, err);
	case 'w':
		return oj_commands_weeks_parse(value, &stream->week_first,
		                               &stream->week_last) ||
			oj_err_set(err, "--weeks %s: not FIRST-LAST", value);
	case 'R':
		return number_take(&stream->rest_stores, value, 100, err);
	case 'b':
		return number_take(&posting->batch, value, BATCH_MAX, err) &&
			(posting->batch > 0 ||
		         oj_err_set(err, "--batch 0: nothing to do"));
	case 'W':
		return posting->wait = true;
	case 'r':
		return posting->repeat = true;
	case 'i':
		posting->receipt = value;
		return true;
	case 'L':
		posting->ledger_path = value;
		return true;
	case 'h':
		return posting->help = true;
	default:
		return oj_err_set(err, "try orange-juice post --help");
	}
}

static bool
options_parse(struct posting *posting, int argc, char **argv,
              struct oj_err *err)
{
	int letter;

	posting->batch = 50;
	posting->stream = (struct oj_stream_options){ .seed = 1,
		                                      .spoiled = 300,
		                                      .misrouted = 30,
		                                      .passes = 1,
		                                      .rest_stores = 2,
		                                      .by_rest = true };
	while ((letter = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
		if (!option_take(posting, letter, optarg, err))
			return false;
	}
	if (optind < argc)
		return oj_err_set(err, "what is '%s'?", argv[optind]);
	if (!posting->help &&
	    (posting->url == NULL ||
	     (posting->rda == NULL && posting->receipt == NULL)))
		return oj_err_set(err, "--url and --rda are needed");
	return true;
}

/* -- the body: frames, as docs/producers.md describes them -- */

static void
bytes_add(struct parcel *parcel, const void *bytes, size_t size)
{
	if (parcel->size + size > parcel->room) {
		parcel->room = 2 * (parcel->size + size) + 4096;
		parcel->bytes = realloc(parcel->bytes, parcel->room);
		if (parcel->bytes == NULL)
			abort();
	}
	if (size > 0)
		memcpy(parcel->bytes + parcel->size, bytes, size);
	parcel->size += size;
}

static void
number_add(struct parcel *parcel, uint64_t number, size_t size)
{
	for (size_t i = size; i-- > 0;) {
		uint8_t byte = (uint8_t)(number >> (8 * i));
		bytes_add(parcel, &byte, 1);
	}
}

static void
frame_add(struct parcel *parcel, const struct oj_message *message)
{
	size_t body = message->body_null ? 0 : message->body.size;

	number_add(parcel, 4 + message->key_size + 4 + 8 + 2 + body, 4);
	number_add(parcel, message->key_size, 4);
	bytes_add(parcel, message->key, message->key_size);
	number_add(parcel, UINT32_MAX, 4);        /* no headers */
	number_add(parcel, UINT64_C(1) << 63, 8); /* no time */
	/* The ids are the request's, with #0, #1, ... behind it. */
	number_add(parcel, message->body_null ? 0x8000 : 0, 2);
	bytes_add(parcel, message->body.bytes, body);
}

/* -- the answer -- */

static const char *
member(const json_t *receipt, const char *name)
{
	const char *text = json_string_value(json_object_get(receipt, name));

	return text != NULL ? text : "";
}

static void
line_write(struct posting *posting, const char *topic, const char *id,
           const uint8_t *digest, const char *kind, const char *verdict,
           const char *level, long status)
{
	char hex[OJ_DIGEST_HEX];

	if (posting->ledger == NULL)
		return;
	oj_digest_hex(digest, hex);
	fprintf(posting->ledger, "%s\t%s\t%s\t%s\t%s\t%s\t%ld\n", topic, id,
	        hex, kind, verdict, level, status);
}

/* A part of the request's messages may not have been taken. */
static bool
is_whole(const struct oj_rest_answer *answer)
{
	json_t *root = json_loadb(answer->text, answer->size, 0, NULL);
	const json_t *receipts = json_object_get(root, "receipts"), *receipt;
	bool whole = true;
	size_t i;

	json_array_foreach((json_t *)receipts, i, receipt)
	{
		const char *level = member(receipt, "level");
		whole = whole && strcmp(level, "refused") != 0 &&
			strcmp(level, "unknown") != 0;
	}
	json_decref(root);
	return whole;
}

/* Whoever repeats has sent the message twice: two lines, of which the second
 * is the duplicate's.  The first may be written already. */
static void
receipt_take(struct posting *posting, const struct oj_feed *feed, size_t index,
             const json_t *receipt, const struct oj_rest_answer *answer,
             bool is_repeat)
{
	const struct parcel *parcel = &posting->parcels[feed - oj_feed_get(0)];
	const char *kind = oj_message_kind_name(parcel->kinds[index]);
	const char *verdict = member(receipt, "verdict");
	const char *level = member(receipt, "level");
	const uint8_t *digest = parcel->digests[index];
	bool repeats = strcmp(verdict, "duplicate") == 0;

	posting->recorded += strcmp(level, "recorded") == 0;
	posting->forwarded += strcmp(level, "forwarded") == 0;
	if (repeats && !is_repeat) {
		bool sound = parcel->kinds[index] < OJ_KIND_TRUNCATED;
		line_write(posting, feed->topic_in, member(receipt, "of"),
		           digest, kind, sound ? "accepted" : "rejected",
		           "unknown", 0);
	}
	if (repeats)
		posting->repeats++;
	line_write(posting, feed->topic_in, member(receipt, "id"), digest,
	           repeats ? "repeat" : kind, verdict, level, answer->status);
	if (strcmp(verdict, "accepted") == 0)
		(void)snprintf(posting->last, sizeof(posting->last), "%s/%s",
		               feed->tenant, member(receipt, "id"));
}

static bool
answer_take(struct posting *posting, const struct oj_feed *feed,
            const struct oj_rest_answer *answer, bool is_repeat,
            struct oj_err *err)
{
	size_t count = posting->parcels[feed - oj_feed_get(0)].count;
	json_t *root = json_loadb(answer->text, answer->size, 0, NULL);
	const json_t *receipts = json_object_get(root, "receipts");
	bool ok = json_array_size(receipts) == count;

	if (!ok)
		(void)oj_err_set(err, "%s %s: status %ld: %.300s", feed->tenant,
		                 feed->name, answer->status, answer->text);
	for (size_t i = 0; ok && i < count; i++)
		receipt_take(posting, feed, i, json_array_get(receipts, i),
		             answer, is_repeat);
	json_decref(root);
	return ok;
}

static bool
request_send(struct posting *posting, enum oj_feed_id id, bool is_repeat,
             struct oj_err *err)
{
	const struct oj_feed *feed = oj_feed_get(id);
	struct parcel *parcel = &posting->parcels[id];
	struct oj_rest_answer answer;
	char path[128], key[128];

	(void)snprintf(path, sizeof(path), "/v1/tenants/%s/feeds/%s/messages%s",
	               feed->tenant, feed->name,
	               posting->wait ? "?wait=forwarded" : "");
	(void)snprintf(key, sizeof(key), "orange-juice-%llu-%d-%d-%zu",
	               (unsigned long long)posting->stream.seed,
	               posting->stream.week_first, posting->stream.week_last,
	               parcel->sent);
	struct oj_rest_request request = {
		.path = path,
		.token = posting->tokens[tenant_of(feed->tenant)],
		.type = "application/vnd.waybill.frames",
		.id = key,
		.body = parcel->bytes,
		.size = parcel->size,
	};
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		if (!oj_rest_send(posting->rest, &request, &answer, err))
			return false;
		if (is_whole(&answer))
			break;
		(void)sleep(1);
	}
	if (answer.status < STATUSES)
		posting->statuses[answer.status]++;
	posting->requests++;
	posting->messages += parcel->count;
	return answer_take(posting, feed, &answer, is_repeat, err);
}

static bool
parcel_send(struct posting *posting, enum oj_feed_id id, bool is_last,
            struct oj_err *err)
{
	struct parcel *parcel = &posting->parcels[id];

	if (parcel->count == 0)
		return true;
	bool ok = request_send(posting, id, false, err);
	if (ok && is_last && posting->repeat)
		ok = request_send(posting, id, true, err);
	parcel->sent++;
	parcel->count = parcel->size = 0;
	return ok;
}

static bool
post_all(struct posting *posting, struct oj_stream *stream, struct oj_err *err)
{
	static struct oj_message message;
	bool ok = true;

	while (ok && oj_stream_next(stream, &message)) {
		struct parcel *parcel = &posting->parcels[message.feed];
		size_t index = parcel->count++;
		parcel->kinds[index] = message.kind;
		oj_digest_of(posting->digest, message.key, message.key_size,
		             message.body.bytes,
		             message.body_null ? 0 : message.body.size,
		             parcel->digests[index]);
		frame_add(parcel, &message);
		if (parcel->count == posting->batch)
			ok = parcel_send(posting, message.feed, false, err);
	}
	for (int id = 0; ok && id < OJ_FEEDS; id++)
		ok = parcel_send(posting, (enum oj_feed_id)id, true, err);
	return ok;
}

static bool
post(struct posting *posting, const struct oj_weeks *weeks, struct oj_err *err)
{
	struct oj_stream *stream = oj_stream_new(weeks, &posting->stream);
	bool ok = true;

	posting->rest = oj_rest_new(posting->url);
	posting->digest = oj_digest_new();
	if (posting->ledger_path != NULL) {
		posting->ledger = fopen(posting->ledger_path, "ae");
		ok = posting->ledger != NULL ||
			oj_err_set(err, "%s cannot be written",
		                   posting->ledger_path);
	}
	ok = ok && post_all(posting, stream, err);
	if (posting->ledger != NULL && fclose(posting->ledger) != 0 && ok)
		ok = oj_err_set(err, "%s cannot be written",
		                posting->ledger_path);
	for (int id = 0; id < OJ_FEEDS; id++)
		free(posting->parcels[id].bytes);
	oj_digest_free(&posting->digest);
	oj_rest_free(&posting->rest);
	oj_stream_free(&stream);
	return ok;
}

static bool
receipt_show(struct posting *posting, struct oj_err *err)
{
	const char *id = strchr(posting->receipt, '/');
	struct oj_rest_answer answer;
	char path[128];

	int tenant = strncmp(posting->receipt, "ca/", 3) == 0 ? 1 : 0;
	(void)snprintf(path, sizeof(path), "/v1/receipts/%s",
	               id != NULL ? id + 1 : posting->receipt);
	struct oj_rest_request request = { .path = path,
		                           .token = posting->tokens[tenant] };
	posting->rest = oj_rest_new(posting->url);
	bool ok = oj_rest_send(posting->rest, &request, &answer, err);
	if (ok)
		printf("%s", answer.text);
	if (ok && answer.status != 200)
		ok = oj_err_set(err, "status %ld", answer.status);
	oj_rest_free(&posting->rest);
	return ok;
}

static void
summary_print(const struct posting *posting)
{
	printf("messages %zu\nrequests %zu\nrepeats %zu\nrecorded %zu\n"
	       "forwarded %zu\nlast %s\n",
	       posting->messages, posting->requests, posting->repeats,
	       posting->recorded, posting->forwarded, posting->last);
	for (size_t status = 0; status < STATUSES; status++) {
		if (posting->statuses[status] > 0)
			printf("status %zu %zu\n", status,
			       posting->statuses[status]);
	}
}

/* -- public -------------------------------------------------------------- */

int
oj_post_main(int argc, char **argv)
{
	static struct posting posting;
	struct oj_weeks weeks;
	struct oj_err err;

	if (!options_parse(&posting, argc, argv, &err)) {
		fprintf(stderr, "orange-juice: %s\n", err.text);
		return OJ_EXIT_USAGE;
	}
	if (posting.help) {
		fputs(HELP, stdout);
		return OJ_EXIT_OK;
	}
	if (posting.receipt != NULL) {
		bool found = receipt_show(&posting, &err);
		if (!found)
			fprintf(stderr, "orange-juice: %s\n", err.text);
		return found ? OJ_EXIT_OK : OJ_EXIT_FAILED;
	}
	if (!oj_week_table_read(posting.rda, &weeks, &err)) {
		fprintf(stderr, "orange-juice: %s\n", err.text);
		return OJ_EXIT_FAILED;
	}
	bool ok = post(&posting, &weeks, &err);
	oj_week_table_fini(&weeks);
	if (!ok)
		fprintf(stderr, "orange-juice: %s\n", err.text);
	summary_print(&posting);
	ok = fflush(stdout) == 0 && ok;
	return ok ? OJ_EXIT_OK : OJ_EXIT_FAILED;
}
