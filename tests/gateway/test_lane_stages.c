/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What stages are told and what they may say, with a lane on a real Postgres.
 */
#include "gateway/lane_stages.h"

#include "tests/gateway/submitting.h"

static atomic_int load_count;

/* -- a stage that knows the ids of its batch ---------------------------------- */

static bool
same_id(const struct message *a, const struct message *b)
{
	return a->dedup_id_len > 0 && a->dedup_id_len == b->dedup_id_len &&
		memcmp(a->dedup_id, b->dedup_id, (size_t)a->dedup_id_len) == 0;
}

static void
refer(struct batch *batch, struct message *m, const struct message *of)
{
	bool same = m->body_len == of->body_len &&
		memcmp(m->body, of->body, (size_t)m->body_len) == 0;

	m->verdict = same ? VERDICT_DUPLICATE : VERDICT_CONFLICT;
	m->reference = arena_calloc(&batch->arena, 1, sizeof(*m->reference));
	m->reference->kind = same ? MESSAGE_DUPLICATE : MESSAGE_CONFLICT;
	m->reference->by_tag = true;
	m->reference->tag = of->tag;
}

static enum err_code
stage_run(struct batch *batch, void *context, struct err *stage_err)
{
	assert_true(load_count > 0);
	for (size_t i = 0; i < batch->count; i++) {
		struct message *m = &batch->messages[i];

		m->contract = m->feed->contract_id;
		m->content_hash = 0x0102030405060708u;
		if (m->dedup_id_len == 4 && memcmp(m->dedup_id, "full", 4) == 0)
			m->is_refused = true;
		for (size_t k = 0; k < i; k++) {
			if (same_id(m, &batch->messages[k])) {
				refer(batch, m, &batch->messages[k]);
				break;
			}
		}
	}
	return ERR_OK;
}

static enum err_code
stage_load(void *context, const struct stage_lane *now, struct err *stage_err)
{
	struct err e = { .code = ERR_OK };

	load_count++;
	assert_int_equal(pgconn_exec(now->conn, "select 1", &e), ERR_OK);
	assert_true(now->next_seq > 0 && now->incarnation > 0);
	return ERR_OK;
}

static void
stage_numbered(void *context, const struct batch *batch)
{
	assert_true(batch->first_seq > 0);
	for (size_t i = 0; i < batch->count; i++)
		assert_int_equal(batch->messages[i].seq,
		                 batch->first_seq + (int64_t)i);
}

static const struct stage stage = { .name = "test",
	                            .run = stage_run,
	                            .load = stage_load,
	                            .numbered = stage_numbered };
const struct stage *const submitting_stages[] = { &stage, NULL };

/* -- tests --------------------------------------------------------------------- */

static void
references_within_a_batch(void **state)
{
	const struct deployment *deployment = catalogue_take(catalogue);
	struct submission *s = submission_of(deployment, 4);

	set_id(s, 0, "one");
	set_id(s, 1, "two");
	set_id(s, 2, "one");
	set_id(s, 3, "two");
	s->items[2].body = s->items[0].body;
	submitting_start();
	submit(s);
	deployment_unref(&deployment);
	assert_true(is_done(1, 20000));
	assert_int_equal(s->items[0].verdict, VERDICT_ACCEPTED);
	assert_int_equal(s->items[2].verdict, VERDICT_DUPLICATE);
	assert_int_equal(s->items[2].of_seq, s->items[0].seq);
	assert_int_equal(s->items[2].of_incarnation, 1);
	assert_int_equal(s->items[3].verdict, VERDICT_CONFLICT);
	assert_int_equal(s->items[3].of_seq, s->items[1].seq);
	assert_string_equal(
		roadbase_text("select string_agg(concat_ws(' ', verdict,"
	                      " convert_from(dedup_id, 'utf8'), of_id), ', '"
	                      " order by seq) from waybill.message"),
		"accepted one, accepted two, duplicate one 0-1-1,"
		" conflict two 0-1-2");
	assert_string_equal(roadbase_text("select concat_ws(' ', verdict,"
	                                  " principal, of_id) from"
	                                  " waybill.message_by_id('0-1-3')"),
	                    "duplicate 42 0-1-1");
	assert_string_equal(roadbase_text("select kind || ' ' || of_id from"
	                                  " waybill.reference_of(0, 1, 4)"),
	                    "conflict 0-1-2");
	assert_string_equal(roadbase_text("select encode(dedup_ids[1], 'hex')"
	                                  " from waybill.block"),
	                    "01020304050607086f6e65");
}

/* What a stage has no room for leaves with all of its part; what referred to
   it is judged anew. */
static void
a_stage_may_refuse(void **state)
{
	const struct deployment *deployment = catalogue_take(catalogue);
	struct submission *first = submission_of(deployment, 2);
	struct submission *second = submission_of(deployment, 2);
	struct pgconn *other;

	submitting_start();
	assert_true(becomes(LANE_RUNNING));
	other = hold_lane();
	submit_new(1);
	clock_sleep_ms(200);
	set_id(first, 0, "one");
	set_id(first, 1, "full");
	set_id(second, 0, "one");
	submit(first);
	submit(second);
	deployment_unref(&deployment);
	let_lane_go(other);
	assert_true(is_done(3, 5000));
	assert_int_equal(submission_outcome(first, 0), SUBMISSION_REFUSED);
	assert_int_equal(submission_outcome(second, 0), SUBMISSION_RECORDED);
	assert_int_equal(second->items[0].verdict, VERDICT_ACCEPTED);
	assert_int_equal(recorded(), 3);
	/* and alone, which leaves nothing to record */
	first = submit_new(1);
	assert_true(is_done(4, 5000));
	deployment = catalogue_take(catalogue);
	first = submission_of(deployment, 1);
	set_id(first, 0, "full");
	submit(first);
	deployment_unref(&deployment);
	assert_true(is_done(5, 5000));
	assert_int_equal(submission_outcome(first, 0), SUBMISSION_REFUSED);
}

/* A file's records have offsets; a duplicate goes nowhere, a conflict to the
   dead-letter topic. */
static void
a_file_is_forwarded(void **state)
{
	const struct deployment *deployment;
	struct submission *s;

	mock = kafkamock_start(1);
	kafkamock_topic(mock, "waybill.test.progress", 2);
	kafkamock_topic(mock, "us.sales", 4);
	kafkamock_topic(mock, "us.sales.dead", 2);
	roadbase_run("update waybill.cluster set is_output = true,"
	             " bootstrap = '%s'",
	             kafkamock_bootstrap(mock));
	roadbase_changed();
	for (int i = 0; i < 1000 && catalogue_version(catalogue) < 2; i++)
		clock_sleep_ms(5);
	deployment = catalogue_take(catalogue);
	s = submission_of(deployment, 4);
	s->origin = MESSAGE_ORIGIN_FILE;
	s->file = "0123456789abcdef";
	s->source_id = (int32_t)roadbase_number(
		"select waybill.source_take_own('file', '0123456789abcdef',"
		" 'us', 'sales')");
	for (size_t i = 0; i < 4; i++)
		s->items[i].source_offset = 100 + (int64_t)i;
	set_id(s, 0, "one");
	set_id(s, 1, "one");
	set_id(s, 2, "one");
	s->items[1].body = s->items[0].body;
	submitting_start();
	submit(s);
	deployment_unref(&deployment);
	assert_true(is_done(1, 20000));
	lane_stop(&lane);
	assert_string_equal(roadbase_text("select string_agg(verdict, ' ' order"
	                                  " by source_offset) from"
	                                  " waybill.message where source_topic"
	                                  " = '0123456789abcdef'"),
	                    "accepted duplicate conflict accepted");
	assert_string_equal(roadbase_text("select offset_first || '-' ||"
	                                  " offset_last from"
	                                  " waybill.source_range"),
	                    "100-103");
	assert_string_equal(
		roadbase_text("select string_agg(d.kind || ':' || (select"
	                      " count(o) from unnest(d.offsets) o), ' '"
	                      " order by d.kind) from waybill.delivery d"),
		"0:2 1:1");
}

int
main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, submitting_begin, submitting_end)
	const struct CMUnitTest tests[] = {
		TEST(references_within_a_batch),
		TEST(a_stage_may_refuse),
		TEST(a_file_is_forwarded),
	};
	int code;

	unit_alarm(280);
	metric_register(road_metric_table, road_metric_count);
	if ((code = roadbase_open()) != 0)
		return code;
	code = cmocka_run_group_tests(tests, NULL, NULL);
	roadbase_close();
	return code;
}
