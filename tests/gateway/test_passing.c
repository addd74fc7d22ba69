/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A part goes to its owner and comes back with what became of it: refused where
 * the owner surely does not have it, unknown where it may.
 */
#include "gateway/passing.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io/httpd.h"
#include "base/runtime/clock.h"
#include "base/runtime/metric.h"
#include "base/runtime/text.h"
#include "base/runtime/thread.h"
#include "gateway/catalogue.h"
#include "gateway/handover.h"
#include "gateway/reception.h"
#include "gateway/road_metric.h"
#include "tests/gateway/handing.h"
#include "tests/support/rawhttp.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

#define DEADLINE_MS 1000
#define MANY        200

enum mode {
	MODE_RECORD,
	MODE_REFUSE,
	MODE_LOSE, /* taken, and never heard of in time */
	MODE_STALE,
};

static atomic_int mode, offered, done_count;
static atomic_llong next_seq;
static _Atomic(struct submission_part *) lost;
static struct catalogue *catalogue;
static struct reception *reception;
static struct passing *passing;
static struct httpd *httpd;
static struct err err;
static char owner_url[LEASE_URL_MAX];
static uint8_t secret[LEASE_SECRET_LEN];

/* -- the owner's lanes ------------------------------------------------------------ */

static enum submission_outcome
offer_to_owner(void *context, struct submission_part *part)
{
	struct submission *s = part->submission;

	atomic_fetch_add(&offered, 1);
	if (atomic_load(&mode) == MODE_REFUSE)
		return SUBMISSION_REFUSED;
	if (atomic_load(&mode) == MODE_STALE)
		return SUBMISSION_STALE;
	assert_true(submission_take(part));
	if (atomic_load(&mode) == MODE_LOSE) {
		atomic_store(&lost, part);
		return SUBMISSION_WAITING;
	}
	assert_true(submission_begin_settling(part));
	for (size_t i = 0; i < s->count; i++) {
		s->items[i].lane = part->lane;
		s->items[i].incarnation = 2;
		s->items[i].seq = atomic_fetch_add(&next_seq, 1) + 1;
	}
	submission_settle(part, SUBMISSION_RECORDED);
	submission_unref(&s);
	return SUBMISSION_WAITING;
}

static bool
admit(const struct http_request *request, struct http_response *response,
      void *context)
{
	return reception_admit(reception, request, response);
}

static void
take_parts(struct http_exchange *exchange, void *context)
{
	reception_begin(reception, exchange);
}

static const struct http_route parts_route = {
	.method = "POST",
	.path = "/v1/lanes/{lane}/parts",
	.admit = admit,
	.begin = take_parts,
};
static const struct http_route *const routes[] = { &parts_route, NULL };

/* -- the fixture -------------------------------------------------------------------- */

static bool
find_owner(void *context, int lane, char out_url[LEASE_URL_MAX])
{
	memcpy(out_url, owner_url, LEASE_URL_MAX);
	return owner_url[0] != '\0';
}

static void
start_passing(void)
{
	struct passing_options options = {
		.owner = find_owner,
		.deadline_ms = DEADLINE_MS,
		.bytes_max = 1024 * 1024,
		.threads = 2,
	};

	memcpy(options.secret, secret, sizeof(secret));
	passing = passing_new(&options);
}

static int
begin(void **state)
{
	struct catalogue_options follow = { .role = "waybill_daemon",
		                            .timeout_ms = 5000 };
	const struct httpd_options server = {
		.listen = "127.0.0.1:0",
		.routes = routes,
		.threads = 2,
		.body_bytes_max = 1024 * 1024,
		.connections_max = 16,
		.idle_timeout_s = 10,
	};
	struct reception_options options = { .lanes = { offer_to_owner,
		                                        NULL } };

	roadbase_begin(state);
	follow.conninfo = roadbase_conninfo();
	assert_ok(catalogue_open(&follow, &catalogue, &err));
	options.catalogue = catalogue;
	memset(secret, 0xa5, sizeof(secret));
	memcpy(options.secret, secret, sizeof(secret));
	reception = reception_new(&options);
	assert_ok(httpd_open(&server, &httpd, &err));
	snprintf(owner_url, sizeof(owner_url), "http://127.0.0.1:%d/",
	         httpd_port(httpd));
	atomic_store(&mode, MODE_RECORD);
	atomic_store(&offered, 0);
	atomic_store(&done_count, 0);
	atomic_store(&next_seq, 0);
	start_passing();
	return 0;
}

static int
end(void **state)
{
	passing_free(&passing);
	httpd_close(&httpd);
	reception_free(&reception);
	catalogue_close(&catalogue);
	return roadbase_end(state);
}

static enum submission_outcome
pass_on(void *context, struct submission_part *part)
{
	return passing_offer(passing, part);
}

static void
done(struct submission *submission, void *context)
{
	atomic_fetch_add(&done_count, 1);
}

static struct submission *
submit(void)
{
	const struct submission_lanes lanes = { .offer = pass_on };
	const struct deployment *deployment = catalogue_take(catalogue);
	struct submission *s = handing_new(deployment);

	s->done = done;
	submission_send(s, &lanes);
	deployment_unref(&deployment);
	return s;
}

static void
wait_done(int count)
{
	for (int i = 0; i < 1000 && atomic_load(&done_count) < count; i++)
		clock_sleep_ms(10);
	assert_int_equal(atomic_load(&done_count), count);
}

static enum submission_outcome
outcome_of_one(void)
{
	struct submission *s = submit();
	enum submission_outcome outcome;

	wait_done(1);
	outcome = submission_outcome(s, 0);
	submission_unref(&s);
	return outcome;
}

/* -- tests ---------------------------------------------------------------------------- */

static void
what_the_owner_records_is_recorded(void **state)
{
	struct submission *sent[MANY];

	for (int i = 0; i < MANY; i++)
		sent[i] = submit();
	wait_done(MANY);
	for (int i = 0; i < MANY; i++) {
		const struct submission_item *items = sent[i]->items;

		assert_int_equal(submission_outcome(sent[i], 0),
		                 SUBMISSION_RECORDED);
		assert_int_equal(items[0].incarnation, 2);
		assert_int_equal(items[0].lane, items[0].part->lane);
		assert_int_equal(items[1].seq, items[0].seq + 1);
		assert_int_equal(items[1].verdict, VERDICT_REJECTED);
		submission_unref(&sent[i]);
	}
	assert_int_equal(atomic_load(&offered), MANY);
	assert_int_equal(atomic_load(&next_seq), 2 * MANY);
}

static void
what_the_owner_refuses_is_refused(void **state)
{
	atomic_store(&mode, MODE_REFUSE);
	assert_int_equal(outcome_of_one(), SUBMISSION_REFUSED);
}

static void
what_is_stale_there_is_stale(void **state)
{
	atomic_store(&mode, MODE_STALE);
	assert_int_equal(outcome_of_one(), SUBMISSION_STALE);
}

static void
what_the_owner_does_not_know_is_unknown_in_time(void **state)
{
	int64_t begun_us = clock_now_us();
	struct submission *s;

	atomic_store(&mode, MODE_LOSE);
	assert_int_equal(outcome_of_one(), SUBMISSION_UNKNOWN);
	assert_true(clock_now_us() - begun_us < (DEADLINE_MS + 500) * 1000);
	s = atomic_load(&lost)->submission;
	assert_false(submission_begin_settling(atomic_load(&lost)));
	submission_unref(&s);
}

static void
who_is_not_there_has_nothing(void **state)
{
	snprintf(owner_url, sizeof(owner_url), "http://127.0.0.1:1");
	assert_int_equal(outcome_of_one(), SUBMISSION_REFUSED);
	atomic_store(&done_count, 0);
	owner_url[0] = '\0'; /* nobody has it */
	assert_int_equal(outcome_of_one(), SUBMISSION_REFUSED);
}

static void
who_has_another_secret_is_nobody(void **state)
{
	passing_free(&passing);
	secret[31] ^= 1;
	start_passing();
	assert_int_equal(outcome_of_one(), SUBMISSION_REFUSED);
	assert_int_equal(atomic_load(&offered), 0);
}

/* It dies with the request in its hands. */
static void
run_dying_owner(void *context)
{
	int fd = accept(*(int *)context, NULL, NULL);
	char bytes[4096];

	while (read(fd, bytes, sizeof(bytes)) > 0) {
		if (memmem(bytes, sizeof(bytes), "id#1", 4) != NULL)
			break;
	}
	close(fd);
}

static void
whoever_dies_with_it_leaves_it_unknown(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	struct thread *thread;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(listen(fd, 10), 0);
	snprintf(owner_url, sizeof(owner_url), "http://127.0.0.1:%d",
	         ntohs(address.sin_port));
	thread = thread_new("dying", run_dying_owner, &fd);
	assert_int_equal(outcome_of_one(), SUBMISSION_UNKNOWN);
	thread_join(&thread);
	close(fd);
}

/* Nobody waits for it any more: it is not sent. */
static void
what_was_given_up_is_not_sent(void **state)
{
	struct submission *s;

	passing_free(&passing);
	start_passing();
	s = submit();
	submission_give_up(s);
	wait_done(1);
	passing_free(&passing);
	assert_int_not_equal(submission_outcome(s, 0), SUBMISSION_WAITING);
	/* Unless it had left already, which is then unknown. */
	if (submission_outcome(s, 0) == SUBMISSION_REFUSED)
		assert_int_equal(atomic_load(&offered), 0);
	submission_unref(&s);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(what_the_owner_records_is_recorded),
		TEST(what_the_owner_refuses_is_refused),
		TEST(what_is_stale_there_is_stale),
		TEST(what_the_owner_does_not_know_is_unknown_in_time),
		TEST(who_is_not_there_has_nothing),
		TEST(who_has_another_secret_is_nobody),
		TEST(whoever_dies_with_it_leaves_it_unknown),
		TEST(what_was_given_up_is_not_sent),
	};

	metric_register(road_metric_table, road_metric_count);
	return roadbase_main(60, tests, sizeof(tests) / sizeof(tests[0]));
}
