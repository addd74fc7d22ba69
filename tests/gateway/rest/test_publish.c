/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests against lanes that record, refuse, keep or lose what they are given:
 * each gets one answer, in time, and it never says more than is certain.
 */
#include "gateway/rest/publish.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/model/auth.h"
#include "base/model/submission.h"
#include "base/runtime/clock.h"
#include "base/runtime/queue.h"
#include "base/runtime/text.h"
#include "base/runtime/thread.h"
#include "gateway/catalogue.h"
#include "gateway/daemon_config.h"
#include "gateway/keyring.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/rest_metric.h"
#include "gateway/road_metric.h"
#include "tests/support/rawhttp.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

#define DEADLINE_MS 300
#define ANSWER_MAX  65536
#define CLIENTS     4
#define REQUESTS    50

enum mode {
	MODE_RECORD,
	MODE_REFUSE, /* the door is full */
	MODE_KEEP,   /* offered, never taken */
	MODE_LOSE,   /* taken, and never heard of in time */
	MODE_STALE,  /* the first time; then recorded */
};

static struct {
	atomic_int mode;
	atomic_int offers;
	struct queue *parts;
	struct queue *kept;
	struct thread *thread;
	atomic_llong seq;
	atomic_llong forwarded; /* seq */
	atomic_bool are_away;   /* another daemon's */
} lanes;

static struct keyring *keyring;
static struct catalogue *catalogue;
static struct rest *rest;
static char token[AUTH_TOKEN_LEN + 1];

/* -- lanes that do as they are told ----------------------------------------------- */

static enum submission_outcome
offer(void *context, struct submission_part *part)
{
	int count = atomic_fetch_add(&lanes.offers, 1);

	switch ((enum mode)atomic_load(&lanes.mode)) {
	case MODE_REFUSE:
		return SUBMISSION_REFUSED;
	case MODE_STALE:
		if (count == 0)
			return SUBMISSION_STALE;
		break;
	case MODE_KEEP:
		assert_true(queue_push(lanes.kept, part, 1, 0));
		return SUBMISSION_WAITING;
	default:
		break;
	}
	assert_true(queue_push(lanes.parts, part, 1, 0));
	return SUBMISSION_WAITING;
}

static void
record(struct submission_part *part)
{
	struct submission *s = part->submission;

	if (submission_take(part) && submission_begin_settling(part)) {
		for (size_t i = 0; i < part->count; i++) {
			struct submission_item *item =
				&s->items[part->items[i]];

			item->lane = part->lane;
			item->incarnation = 1;
			item->seq = atomic_fetch_add(&lanes.seq, 1) + 1;
		}
		submission_settle(part, SUBMISSION_RECORDED);
	}
	submission_unref(&s);
}

static void
run_lanes(void *context)
{
	struct submission_part *part;

	while ((part = queue_pop(lanes.parts, 60000)) != NULL) {
		if (atomic_load(&lanes.mode) != MODE_LOSE) {
			record(part);
			continue;
		}
		assert_true(submission_take(part));
		assert_true(queue_push(lanes.kept, part, 1, 0));
	}
}

/* What comes too late is nobody's any more. */
static void
drop_kept(void)
{
	struct submission_part *part;

	while ((part = queue_pop(lanes.kept, 0)) != NULL) {
		struct submission *s = part->submission;

		assert_false(submission_begin_settling(part));
		submission_unref(&s);
	}
}

static bool
look(void *context, int lane, const char *cluster, const struct feed *feed,
     int *out_incarnation, int64_t *out_seq)
{
	*out_incarnation = 1;
	*out_seq = atomic_load(&lanes.forwarded);
	return strcmp(cluster, "main") == 0;
}

static bool
is_away(void *context, int lane)
{
	return atomic_load(&lanes.are_away);
}

/* -- the fixture -------------------------------------------------------------------- */

static void
make_key(void)
{
	struct auth_secret secret;
	struct text hex;

	auth_secret_make(&secret);
	text_init(&hex, 128);
	text_add_hex(&hex, secret.hash, sizeof(secret.hash));
	roadbase_run("select waybill.key_create('us', 'test',"
	             " '{publish,read,status}', '%s', decode('%s', 'hex'),"
	             " null)",
	             secret.prefix, text_string(&hex));
	strcpy(token, secret.token);
	text_fini(&hex);
}

static void
open_rest(void)
{
	static char listen[] = "127.0.0.1:0", empty[] = "",
		    role[] = "waybill_daemon", connection[512];
	static struct daemon_config config;
	const struct catalogue_options follow = { connection, role, 5000 };
	const struct keyring_options keys = { connection, role, 5000 };
	struct rest_options options = {
		.config = &config,
		.lanes = { offer, NULL },
		.progress = { .look = look, .is_away = is_away },
	};
	struct err err = { .code = ERR_OK };

	snprintf(connection, sizeof(connection), "%s", roadbase_conninfo());
	config = (struct daemon_config){
		.connection = connection,
		.role = role,
		.postgres_timeout_ms = 5000,
		.http_threads = 2,
		.http_connections_max = 64,
		.http_bodies_bytes = 1024 * 1024,
		.http_idle_timeout_ms = 30000,
		.http_receive_timeout_ms = 5000,
		.http_send_timeout_ms = 5000,
		.http_tls_certificate = empty,
		.http_tls_key = empty,
		.rest_listen = listen,
		.rest_readers = 1,
		.rest_body_bytes = 100000,
		.rest_request_messages = 100,
		.rest_deadline_ms = DEADLINE_MS,
	};
	if (keyring_open(&keys, &keyring, &err) != ERR_OK ||
	    catalogue_open(&follow, &catalogue, &err) != ERR_OK)
		fail_msg("%s", err.text);
	options.catalogue = catalogue;
	options.auth = keyring_auth(keyring);
	if (rest_open(&options, &rest, &err) != ERR_OK)
		fail_msg("%s", err.text);
}

static int
begin(void **state)
{
	roadbase_begin(state);
	lanes.parts = queue_new(1000, 1000);
	lanes.kept = queue_new(1000, 1000);
	atomic_store(&lanes.seq, 0);
	atomic_store(&lanes.mode, MODE_RECORD);
	atomic_store(&lanes.offers, 0);
	atomic_store(&lanes.forwarded, 0);
	atomic_store(&lanes.are_away, false);
	lanes.thread = thread_new("lanes", run_lanes, NULL);
	make_key();
	open_rest();
	return 0;
}

static int
end(void **state)
{
	rest_close(&rest);
	catalogue_close(&catalogue);
	keyring_close(&keyring);
	queue_close(lanes.parts);
	thread_join(&lanes.thread);
	drop_kept();
	queue_free(&lanes.parts);
	queue_free(&lanes.kept);
	return roadbase_end(state);
}

/* A message to us/sales, whose contract is one string; its status. */
static int
publish(const char *media, const char *body, const char *query, char *answer)
{
	char request[4096];
	int len = snprintf(request, sizeof(request),
	                   "POST /v1/tenants/us/feeds/sales/messages%s "
	                   "HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
	                   "Content-Type: %s\r\nContent-Length: %zu\r\n"
	                   "Connection: close\r\n\r\n%s",
	                   query, token, media, strlen(body), body);
	bool closed;

	return rawhttp_ask(rest_port(rest), request, (size_t)len, answer,
	                   ANSWER_MAX, &closed);
}

static char answer[ANSWER_MAX];

static int
publish_one(const char *query)
{
	return publish("application/json", "\"abc\"", query, answer);
}

static void
assert_answer_has(const char *words)
{
	if (strstr(answer, words) == NULL)
		fail_msg("\"%s\" is not in %s", words, answer);
}

/* -- tests ---------------------------------------------------------------------------- */

static void
what_is_recorded_is_202(void **state)
{
	assert_int_equal(publish_one(""), 202);
	assert_answer_has("\"verdict\":\"accepted\",\"level\":\"recorded\"");
	/* The source's number was asked once, and is remembered. */
	assert_int_equal(publish("application/x-ndjson", "\"a\"\n\"b\"\n\"c\"",
	                         "", answer),
	                 202);
	assert_answer_has("\"counts\":{\"accepted\":3}");
	assert_int_equal(roadbase_number("select count(*) from waybill.source "
	                                 "where kind = 'rest'"),
	                 1);
}

static void
what_is_refused_is_503_unavailable_at_once(void **state)
{
	int64_t begun_us = clock_now_us();

	atomic_store(&lanes.mode, MODE_REFUSE);
	assert_int_equal(publish_one(""), 503);
	assert_answer_has("/docs/problems/unavailable");
	assert_answer_has("Retry-After: 1");
	assert_true(clock_now_us() - begun_us < 10000000);
}

static void
what_nobody_takes_is_taken_back_at_the_deadline(void **state)
{
	int64_t begun_us = clock_now_us();

	atomic_store(&lanes.mode, MODE_KEEP);
	assert_int_equal(publish_one(""), 503);
	assert_answer_has("/docs/problems/unavailable");
	assert_true(clock_now_us() - begun_us >= DEADLINE_MS * 1000);
	drop_kept();
}

static void
what_was_taken_is_unknown_at_the_deadline(void **state)
{
	atomic_store(&lanes.mode, MODE_LOSE);
	assert_int_equal(publish_one(""), 503);
	assert_answer_has("/docs/problems/outcome-unknown");
	assert_answer_has("\"level\":\"unknown\"");
	drop_kept();
}

static void
what_is_stale_is_prepared_again(void **state)
{
	atomic_store(&lanes.mode, MODE_STALE);
	assert_int_equal(publish_one(""), 202);
	assert_int_equal(atomic_load(&lanes.offers), 2);
}

static void
who_waits_for_kafka_is_told_what_is_certain_by_then(void **state)
{
	assert_int_equal(publish_one("?wait=forwarded"), 202);
	assert_answer_has("\"level\":\"recorded\"");
	atomic_store(&lanes.forwarded, 1000);
	assert_int_equal(publish_one("?wait=forwarded"), 200);
	assert_answer_has("\"level\":\"forwarded\"");
}

static void
who_waits_for_what_is_elsewhere_is_told_at_once(void **state)
{
	atomic_store(&lanes.are_away, true);
	assert_int_equal(publish_one("?wait=forwarded"), 202);
	assert_answer_has("\"level\":\"recorded\"");
}

static void
nothing_is_taken_while_it_stops(void **state)
{
	rest_quiesce(rest);
	assert_int_equal(publish_one(""), 503);
	assert_int_equal(atomic_load(&lanes.offers), 0);
}

static void
run_client(void *context)
{
	char *room = context;

	for (int i = 0; i < REQUESTS; i++)
		if (publish("application/json", "\"abc\"", "", room) != 202)
			abort();
}

static void
many_at_once_get_an_answer_each(void **state)
{
	static char rooms[CLIENTS][ANSWER_MAX];
	struct thread *threads[CLIENTS];

	for (int i = 0; i < CLIENTS; i++)
		threads[i] = thread_new("client", run_client, rooms[i]);
	for (int i = 0; i < CLIENTS; i++)
		thread_join(&threads[i]);
	assert_int_equal(atomic_load(&lanes.seq), CLIENTS * REQUESTS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_recorded_is_202),
		TEST(what_is_refused_is_503_unavailable_at_once),
		TEST(what_nobody_takes_is_taken_back_at_the_deadline),
		TEST(what_was_taken_is_unknown_at_the_deadline),
		TEST(what_is_stale_is_prepared_again),
		TEST(who_waits_for_kafka_is_told_what_is_certain_by_then),
		TEST(who_waits_for_what_is_elsewhere_is_told_at_once),
		TEST(nothing_is_taken_while_it_stops),
		TEST(many_at_once_get_an_answer_each),
	};
	int failed;

	alarm(300);
	metric_register(road_metric_table, road_metric_count);
	metric_register(rest_metric_table, rest_metric_count);
	failed = roadbase_open();
	if (failed == 0)
		failed = cmocka_run_group_tests(tests, NULL, NULL);
	roadbase_close();
	return failed;
}
