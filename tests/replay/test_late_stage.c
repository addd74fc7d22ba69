/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes late on a real journal: marked, with the one that is newer, also
 * after a restart; what was not recorded makes nobody late.
 */
#include "replay/late_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/journal.h"
#include "base/model/stage.h"
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

	return late_stage.load(context, &lane, &err);
}

static void
take(const char *daemon)
{
	recorder = recorder_new(daemon, 0);
	journal = recorder_journal(recorder);
	context = late_stage.context_new();
	assert_ok(load());
}

static void
leave(void)
{
	late_stage.context_free(context);
	recorder_free(&recorder);
}

static int
begin(void **state)
{
	roadbase_begin(state);
	deployment = roadbase_load();
	late_stage_setup(100000);
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

/* Words of "key=version": messages of us/sales, or of ca/sales where the key
   begins with "ca"; "!" behind: rejected; "-" as key: none; "x" as version:
   none. */
static void
gather(const char *text)
{
	static const struct violation violation = { "test.rule", "", "", "",
		                                    -1 };
	char copy[1024], words[1024] = "", *rest = copy, *word;
	uint32_t tag = 0;

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
		struct message *m = batch->messages;
		char *version = strchr(word, '=') + 1;

		while (m->tag != tag)
			m++;
		tag++;
		m->key = arena_copy(&batch->arena, word, 1);
		m->key_len = 1;
		if (*word == '-') {
			m->key = NULL;
			m->key_len = -1;
		}
		if (*version != 'x')
			m->version = atoll(version);
		if (strchr(version, '!') != NULL) {
			m->verdict = VERDICT_REJECTED;
			m->violations = &violation;
			m->violation_count = 1;
		}
	}
	assert_ok(late_stage.run(batch, context, &err));
}

static void
send(const char *text)
{
	gather(text);
	assert_ok(journal_send(journal, batch, &err));
	late_stage.numbered(context, batch);
}

/* L for each that is late, in their order. */
static const char *
record(const char *text)
{
	static char said[64];

	send(text);
	assert_ok(journal_wait(journal, &err));
	memset(said, 0, sizeof(said));
	for (size_t i = 0; i < batch->count; i++) {
		const struct message *m = &batch->messages[i];

		assert_true(m->reference == NULL ||
		            m->verdict == VERDICT_ACCEPTED);
		said[m->tag] = m->reference == NULL ? '.' : 'L';
	}
	return said;
}

#define says(text, wanted) assert_string_equal(record(text), wanted)

static void
assert_reference(int64_t seq, const char *wanted)
{
	assert_string_equal(
		roadbase_text("select kind || ' ' || of_lane || '-' ||"
	                      " of_incarnation || '-' || of_seq from"
	                      " waybill.verdict_reference where lane = 0 and"
	                      " seq = %lld",
	                      (long long)seq),
		wanted);
}

/* -- tests --------------------------------------------------------------------- */

static void
an_older_version_is_late(void **state)
{
	says("a=5 b=1 a=4 a=5 a=6 a=5", "..L..L");
	assert_reference(3, "late 0-1-1");
	assert_reference(6, "late 0-1-5");
	says("a=6 a=-3 b=0 b=2", ".LL.");
	assert_reference(8, "late 0-1-5");
	assert_reference(9, "late 0-1-2");
	assert_int_equal(roadbase_number("select count(*) from"
	                                 " waybill.verdict_reference"),
	                 4);
}

static void
others_are_not_compared(void **state)
{
	says("a=5 ca=4 -=3 -=2 a=x a=9!", "......");
	says("a=6 a=x", "..");
	assert_int_equal(roadbase_number("select count(*) from waybill.block"
	                                 " where versions is not null"),
	                 3);
	says("b=x", ".");
	assert_int_equal(roadbase_number("select count(*) from waybill.block"
	                                 " where versions is null"),
	                 1);
}

static void
it_is_known_after_a_restart(void **state)
{
	says("a=5 b=7 ca=3", "...");
	says("a=4 b=8 c=9!", "L..");
	for (int i = 0; i < 100; i++)
		record("z=5"); /* more blocks than are read at once */
	leave();
	take("test-1");
	says("a=4 b=7 ca=2 c=8 z=4 a=5", "LLL.L.");
	assert_int_equal(
		roadbase_number("select count(*) from waybill.verdict_reference"
	                        " where of_seq in (1, 5, 3, 7) or of_seq = 2"),
		5);
}

static void
the_newest_that_is_recorded_counts(void **state)
{
	static const struct violation bad = { "test.rule", "/\xff", "", "",
		                              -1 };

	says("a=5", ".");
	gather("a=9 b=9!");
	batch->messages[1].violations = &bad;
	assert_ok(journal_send(journal, batch, &err));
	late_stage.numbered(context, batch);
	assert_int_equal(journal_wait(journal, &err), ERR_POSTGRES_QUERY);
	assert_ok(journal_reconnect(journal, &err));
	assert_ok(load());
	says("a=7 a=4", ".L");
	/* one that was judged before the lane went on, and goes as it is */
	gather("a=8");
	assert_ok(load());
	assert_ok(journal_send(journal, batch, &err));
	late_stage.numbered(context, batch);
	assert_ok(journal_wait(journal, &err));
	says("a=7", "L");
	assert_reference(5, "late 0-1-4");
}

static void
judging_again_says_the_same(void **state)
{
	says("a=5", ".");
	gather("a=6 a=4 a=5");
	assert_ok(late_stage.run(batch, context, &err));
	assert_null(batch->messages[0].reference);
	assert_non_null(batch->messages[1].reference);
	assert_int_equal(batch->messages[2].reference->kind, MESSAGE_LATE);
	assert_true(batch->messages[2].reference->by_tag);
}

static void
without_room_nothing_is_marked(void **state)
{
	leave();
	late_stage_setup(2);
	take("test-1");
	says("a=5 b=5 c=5", "...");
	says("a=4 b=6 b=5 c=4", "L.L.");
	leave();
	take("test-1");
	says("b=5", "L");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(an_older_version_is_late),
		TEST(others_are_not_compared),
		TEST(it_is_known_after_a_restart),
		TEST(the_newest_that_is_recorded_counts),
		TEST(judging_again_says_the_same),
		TEST(without_room_nothing_is_marked),
	};
	int code;

	unit_alarm(280);
	metric_register(late_stage_metrics, late_stage_metric_count);
	if ((code = roadbase_open()) != 0)
		return code;
	code = cmocka_run_group_tests(tests, NULL, NULL);
	roadbase_close();
	return code;
}
