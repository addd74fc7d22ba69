/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage on a real journal: what is recorded is known, what is not is not;
 * after a restart, a takeover, a failure, an unknown outcome.
 */
#include "replay/dedup_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/journal.h"
#include "base/model/stage.h"
#include "base/model/submission.h"
#include "base/model/violation.h"
#include "base/runtime/clock.h"
#include "base/runtime/metric.h"
#include "tests/support/recorder.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

static const struct deployment *deployment;
static struct recorder *recorder;
static struct journal *journal;
static struct batch *batch;
static void *context;
static struct err err;

#define assert_code(call, wanted)                                              \
	do {                                                                   \
		err = (struct err){ .code = ERR_OK };                          \
		if ((call) != (wanted))                                        \
			fail_msg("%s: %s: %s", #call, err_name(err.code),      \
			         err.text);                                    \
	} while (0)

static enum err_code
load(void)
{
	const struct journal_lane *row = journal_lane(journal);
	const struct stage_lane lane = {
		.conn = journal_conn(journal),
		.lane = row->lane,
		.incarnation = row->incarnation,
		.next_seq = row->next_seq,
		.deployment = deployment,
	};

	return dedup_stage.load(context, &lane, &err);
}

static void
take(const char *daemon)
{
	recorder = recorder_new(daemon, 0);
	journal = recorder_journal(recorder);
	context = dedup_stage.context_new();
	assert_ok(load());
}

static void
leave(void)
{
	dedup_stage.context_free(context);
	recorder_free(&recorder);
}

static int
begin(void **state)
{
	roadbase_begin(state);
	deployment = roadbase_load();
	dedup_stage_setup(100000);
	take("test-1");
	return 0;
}

static int
end(void **state)
{
	batch_unref(&batch);
	leave();
	deployment_unref(&deployment);
	return roadbase_end(state);
}

/* Words of "id=content", with "!" behind for a rejected one: messages of
   us/sales, or of ca/sales where the id begins with "ca". */
static void
gather(const char *text)
{
	static const struct violation violation = { "test.rule", "", "", "",
		                                    -1 };
	char copy[1024], words[1024] = "", *rest = copy, *word;
	size_t i = 0;

	batch_unref(&batch);
	for (const char *at = text; *at != '\0'; at += strcspn(at, " ")) {
		at += strspn(at, " ");
		strcat(words,
		       strncmp(at, "ca", 2) == 0 ? "ca/sales:0 "
		                                 : "us/sales:0 ");
	}
	batch = recorder_batch(recorder, deployment, words);
	snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strtok_r(rest, " ", &rest)) != NULL) {
		struct message *m = &batch->messages[0];
		char *content = strchr(word, '=');

		while (m->tag != i)
			m++;
		i++;
		m->dedup_id_len = (int32_t)(content - word);
		m->dedup_id = (const uint8_t *)arena_copy(
			&batch->arena, word, (size_t)m->dedup_id_len);
		m->key_len = -1;
		m->key = NULL;
		m->body = (const uint8_t *)arena_strdup(&batch->arena, content);
		m->body_len = (int32_t)strlen(content);
		if (strchr(content, '!') != NULL) {
			m->body_len--;
			m->verdict = VERDICT_REJECTED;
			m->violations = &violation;
			m->violation_count = 1;
		}
	}
	assert_ok(dedup_stage.run(batch, context, &err));
}

static void
send(const char *text)
{
	gather(text);
	assert_ok(journal_send(journal, batch, &err));
	dedup_stage.numbered(context, batch);
}

/* What is said of each, in their order: the verdict's letter. */
static const char *
record(const char *text)
{
	static char said[64];

	send(text);
	assert_ok(journal_wait(journal, &err));
	memset(said, 0, sizeof(said));
	for (size_t i = 0; i < batch->count; i++)
		said[batch->messages[i].tag] =
			"ARDC"[batch->messages[i].verdict];
	return said;
}

#define says(text, wanted) assert_string_equal(record(text), wanted)

static void
assert_reference(int64_t seq, const char *wanted)
{
	assert_string_equal(
		roadbase_text("select concat_ws(' ', kind, of_lane || '-' ||"
	                      " of_incarnation || '-' || of_seq, tenant) from"
	                      " waybill.verdict_reference where lane = 0 and"
	                      " seq = %lld order by day, incarnation desc",
	                      (long long)seq),
		wanted);
}

/* -- while it runs --------------------------------------------------------------- */

static void
what_repeats_is_recorded_with_what_it_repeats(void **state)
{
	says("a=1 b=1 a=1 b=2 ca=1 a=3 c=1", "AADCACA");
	/* numbered by feed: ca's one is the first or the last */
	assert_int_equal(roadbase_number("select count(*) from"
	                                 " waybill.verdict_reference"),
	                 3);
	says("a=1 b=1 x=1 ca=1 c=2", "DDADC");
	assert_int_equal(roadbase_number("select sum(count)::int8 from"
	                                 " waybill.block"),
	                 12);
	says("z=1", "A"); /* seq 13 */
	says("z=1 z=2", "DC");
	assert_reference(14, "duplicate 0-1-13 us");
	assert_reference(15, "conflict 0-1-13 us");
	says("y=1 y=1", "AD");
	assert_reference(17, "duplicate 0-1-16 us");
}

static void
ids_of_tenants_are_apart(void **state)
{
	says("ca1=1", "A");
	batch_unref(&batch);
	batch = recorder_batch(recorder, deployment, "us/sales:0");
	batch->messages[0].dedup_id = (const uint8_t *)"ca1";
	batch->messages[0].dedup_id_len = 3;
	assert_ok(dedup_stage.run(batch, context, &err));
	assert_int_equal(batch->messages[0].verdict, VERDICT_ACCEPTED);
}

static void
a_rejected_first_is_mended(void **state)
{
	says("a=1! b=1!", "RR");
	says("a=1! b=2", "DA");
	says("a=2! b=1", "RC");
	assert_reference(3, "duplicate 0-1-1 us");
	assert_reference(6, "conflict 0-1-4 us");
	leave();
	take("test-1");
	says("a=2! b=2 b=1! a=3 a=3", "DDCAD");
}

static void
what_has_no_id_is_left_alone(void **state)
{
	batch = recorder_batch(recorder, deployment, "us/sales:0*50");
	assert_ok(dedup_stage.run(batch, context, &err));
	assert_ok(journal_send(journal, batch, &err));
	dedup_stage.numbered(context, batch);
	assert_ok(journal_wait(journal, &err));
	says("a=1", "A");
	assert_int_equal(roadbase_number("select count(*) from waybill.block"
	                                 " where dedup_ids is not null"),
	                 1);
	assert_int_equal(roadbase_number("select count(*) from waybill.block"
	                                 " where dedup_ids is null"),
	                 1);
}

static void
no_room_is_refused(void **state)
{
	struct submission_item item = { .body_len = -1 };

	leave();
	dedup_stage_setup(3);
	take("test-1");
	says("a=1 b=1 c=1", "AAA");
	batch_unref(&batch);
	batch = recorder_batch(recorder, deployment, "us/sales:0");
	batch->messages[0].dedup_id = (const uint8_t *)"d";
	batch->messages[0].dedup_id_len = 1;
	batch->messages[0].item = &item;
	assert_ok(dedup_stage.run(batch, context, &err));
	assert_true(batch->messages[0].is_refused);
	assert_int_equal(batch->messages[0].verdict, VERDICT_ACCEPTED);
	says("b=1 c=2", "DC");
	/* what was recorded is known, also where fewer are allowed now */
	leave();
	dedup_stage_setup(1);
	take("test-1");
	says("b=1 a=1 c=2", "DDC");
}

/* -- another daemon, another day ---------------------------------------------------- */

static void
a_restart_knows_what_was_recorded(void **state)
{
	says("a=1 b=1 ca=1", "AAA");
	says("c=1 b=1", "AD");
	leave();
	take("test-1");
	says("a=1 b=2 ca=1 c=1 d=1", "DCDDA");
	assert_int_equal(
		roadbase_number("select count(*) from"
	                        " waybill.verdict_reference where of_seq <= 4"),
		5);
}

static void
a_takeover_knows_what_was_recorded(void **state)
{
	struct recorder *old;
	void *old_context = context;

	says("a=1 b=1", "AA");
	old = recorder;
	roadbase_run("update waybill.daemon set deadline = now()");
	take("test-2");
	says("a=1 c=1", "DA");
	/* the first one comes back, and has missed something */
	dedup_stage.context_free(context);
	recorder_free(&recorder);
	roadbase_run("update waybill.daemon set deadline = now() + '1 hour'"
	             " where daemon = 'test-1'");
	roadbase_run("update waybill.daemon set deadline = now()"
	             " where daemon = 'test-2'");
	recorder = old;
	context = old_context;
	journal = recorder_journal(recorder);
	assert_ok(journal_claim(journal, &err));
	assert_ok(load());
	says("a=2 c=1 d=1", "CDA");
	assert_reference(6, "duplicate 0-1-4 us");
}

static void
what_is_a_day_old_is_new(void **state)
{
	says("a=1 b=1", "AA");
	roadbase_run("update waybill.block set recorded_at ="
	             " recorded_at - interval '24 hours 5 minutes'");
	says("c=1", "A");
	roadbase_run("update waybill.block set recorded_at ="
	             " recorded_at - interval '23 hours 55 minutes'"
	             " where first_seq = 3");
	leave();
	take("test-1");
	says("a=1 b=2 c=1", "AAD");
	says("a=1 b=1", "DC");
}

static void
another_timeline_knows_it_too(void **state)
{
	says("a=1 b=1", "AA");
	roadbase_run("update waybill.lane set timeline = timeline + 1");
	assert_code(journal_claim(journal, &err), ERR_POSTGRES_TIMELINE);
	assert_ok(journal_accept_timeline(journal, &err));
	assert_int_equal(journal_lane(journal)->incarnation, 2);
	/* what the other server had, and this one has not */
	roadbase_run("delete from waybill.block");
	assert_ok(load());
	says("a=2", "A");
	leave();
	take("test-1");
	says("a=2 b=1", "DA");
	assert_reference(2, "duplicate 0-2-1 us");
}

/* -- what was not recorded -------------------------------------------------------------- */

static void
a_batch_that_is_refused_leaves_nothing(void **state)
{
	static const struct violation bad = { "test.rule", "/\xff", "", "",
		                              -1 };

	says("a=1", "A");
	gather("b=1 a=1 c=1!");
	batch->messages[2].violations = &bad;
	for (int i = 0; i < 2; i++) {
		assert_ok(journal_send(journal, batch, &err));
		dedup_stage.numbered(context, batch);
		assert_code(journal_wait(journal, &err), ERR_POSTGRES_QUERY);
		assert_ok(journal_reconnect(journal, &err));
	}
	assert_ok(load());
	says("b=2 a=1", "AD");
	assert_reference(3, "duplicate 0-1-1 us");
	/* the one behind it was judged already, and goes as it is */
	gather("d=1 d=1");
	assert_ok(load());
	assert_ok(journal_send(journal, batch, &err));
	dedup_stage.numbered(context, batch);
	assert_ok(journal_wait(journal, &err));
	assert_reference(5, "duplicate 0-1-4 us");
	says("d=1 d=2", "DC");
	assert_reference(6, "duplicate 0-1-4 us");
}

static void
want_standby(bool wanted)
{
	roadbase_run("alter system set synchronous_standby_names = '%s'",
	             wanted ? "nobody" : "");
	roadbase_run("select pg_reload_conf()");
	clock_sleep_ms(300);
}

static void
wait_for_waiter(const char *event)
{
	for (int i = 0; i < 1000; i++) {
		if (roadbase_number("select count(*) from pg_stat_activity"
		                    " where application_name ="
		                    " 'waybill record' and wait_event = '%s'"
		                    " and datname = current_database()",
		                    event) > 0)
			return;
		clock_sleep_ms(10);
	}
	fail_msg("the recorder does not wait for %s", event);
}

static void
an_unknown_batch_that_was_recorded(void **state)
{
	bool was_recorded = false;

	says("a=1", "A");
	want_standby(true);
	send("b=1 c=1");
	wait_for_waiter("SyncRep");
	roadbase_kill("waybill record");
	want_standby(false);
	assert_code(journal_wait(journal, &err), ERR_POSTGRES_UNKNOWN);
	assert_ok(journal_resolve(journal, &was_recorded, &err));
	assert_true(was_recorded);
	assert_ok(load());
	says("b=1 c=2 a=1", "DCD");
	assert_reference(4, "duplicate 0-1-2 us");
}

static void
an_unknown_batch_that_was_not_recorded(void **state)
{
	bool was_recorded = true;
	struct pgconn *other;

	says("a=1", "A");
	other = roadbase_connect(NULL);
	assert_ok(pgconn_exec(other,
	                      "begin; select from waybill.lane for"
	                      " update",
	                      &err));
	send("b=1 c=1");
	wait_for_waiter("transactionid");
	roadbase_kill("waybill record");
	assert_ok(pgconn_exec(other, "rollback", &err));
	pgconn_close(&other);
	assert_code(journal_wait(journal, &err), ERR_POSTGRES_UNKNOWN);
	assert_ok(journal_resolve(journal, &was_recorded, &err));
	assert_false(was_recorded);
	assert_ok(load());
	says("b=2 c=1 a=1", "AAD");
}

static void
loading_that_fails_is_done_again(void **state)
{
	says("a=1 b=1", "AA");
	leave();
	recorder = recorder_new("test-1", 0);
	journal = recorder_journal(recorder);
	context = dedup_stage.context_new();
	roadbase_run("alter table waybill.block rename to away");
	assert_code(load(), ERR_POSTGRES_QUERY);
	roadbase_run("alter table waybill.away rename to block");
	assert_ok(load());
	says("a=1 b=2", "DC");
}

/* -- how long it takes -------------------------------------------------------------------- */

/* WAYBILL_TEST_COUNT=1000000: about that many ids in blocks of 400, as files
   bring them, and of 10. */
static void
loading_many(void **state)
{
	const char *wanted = getenv("WAYBILL_TEST_COUNT");
	int64_t count = wanted == NULL ? 4000 : atoll(wanted), begin_us;

	leave();
	dedup_stage_setup(count * 3);
	for (int block = 400; block >= 10; block /= 40) {
		roadbase_run(
			"insert into waybill.block (day, lane, incarnation,"
			" first_seq, count, tenant, feed, format, origin,"
			" event_time_min, event_time_max, salt, dedup_ids,"
			" event_times, bodies, sources, source_offsets,"
			" verdicts, contracts, partitions, hashes)"
			" select waybill.today(), 0, 1,"
			" %d::int8 * 1000000000 + n * %d, %d, 'us', 'sales', 1,"
			" 2, 0, 0, '\\x', (select array_agg(sha256(convert_to("
			"'c' || n || '/' || i, 'UTF8')) || convert_to('%d/' || n"
			" || '#' || i, 'UTF8')) from generate_series(1, %d) i),"
			" '{0}', '{}', '{1}', '{}', '{0}', '{1}', '{0}',"
			" decode(repeat('00', 32 * %d), 'hex')"
			" from generate_series(1, %lld / %d) n",
			block, block, block, block, block, block,
			(long long)count, block);
		roadbase_run("analyze waybill.block");
		begin_us = clock_now_us();
		take("test-1");
		if (wanted != NULL)
			print_message(
				"%lld ids, the last of them in blocks of"
				" %d: read in %lld ms\n",
				(long long)count, block,
				(long long)(clock_now_us() - begin_us) / 1000);
		if (block > 10)
			leave();
	}
	says("a=1", "A");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(what_repeats_is_recorded_with_what_it_repeats),
		TEST(ids_of_tenants_are_apart),
		TEST(a_rejected_first_is_mended),
		TEST(what_has_no_id_is_left_alone),
		TEST(no_room_is_refused),
		TEST(a_restart_knows_what_was_recorded),
		TEST(a_takeover_knows_what_was_recorded),
		TEST(what_is_a_day_old_is_new),
		TEST(another_timeline_knows_it_too),
		TEST(a_batch_that_is_refused_leaves_nothing),
		TEST(an_unknown_batch_that_was_recorded),
		TEST(an_unknown_batch_that_was_not_recorded),
		TEST(loading_that_fails_is_done_again),
		TEST(loading_many),
	};
	int code;

	unit_alarm(280);
	metric_register(dedup_stage_metrics, dedup_stage_metric_count);
	if ((code = roadbase_open()) != 0)
		return code;
	code = cmocka_run_group_tests(tests, NULL, NULL);
	roadbase_close();
	return code;
}
