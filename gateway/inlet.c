/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The comparison needs no question to Kafka of its own: the record before the
 * position is simply the first one that is read.
 */
#include "gateway/inlet.h"

#include <stdio.h>
#include <string.h>

#include "base/model/batch.h"
#include "base/model/message.h"
#include "base/model/violation.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "contracts/contract_rule.h"

#define WATERMARKS_WAIT_MS 500

/* The id of its cluster now; "" while it is not known. */
static void
cluster_id_of(const struct inlet *in, char out[SOURCE_CLUSTER_ID_MAX])
{
	out[0] = '\0';
	if (in->consumer != NULL)
		kconsumer_cluster_id(in->consumer, out, SOURCE_CLUSTER_ID_MAX);
}

static bool
has_other_cluster(const struct inlet *in)
{
	char id[SOURCE_CLUSTER_ID_MAX];

	cluster_id_of(in, id);
	return id[0] != '\0' && in->standing.cluster_id[0] != '\0' &&
		strcmp(id, in->standing.cluster_id) != 0;
}

static void
trust(struct inlet *in)
{
	in->state = INLET_TRUSTED;
	in->wants_confirm = true;
}

static void
stand_still(struct inlet *in, const char *reason)
{
	in->state = INLET_GAP;
	in->trouble[0] = '\0'; /* the gap is told elsewhere */
	snprintf(in->gap_text, sizeof(in->gap_text), "%s", reason);
}

/* The record to compare with is not there. */
static void
judge_without(struct inlet *in)
{
	struct log_scope scope = inlet_scope(in);
	char reason[KQUEUE_ERROR_TEXT_MAX];

	if (!has_other_cluster(in) && !in->standing.has_gap) {
		log_debug(&scope,
		          "%s/%d: the record before offset %lld is no longer "
		          "there to be compared",
		          in->source.topic, in->source.partition,
		          (long long)in->source.next);
		trust(in);
		return;
	}
	snprintf(reason, sizeof(reason),
	         "%s, and the record before offset %lld is not there to prove "
	         "that this is the topic that was recorded",
	         has_other_cluster(in) ? "the cluster has another id"
	                               : "it had a gap before",
	         (long long)in->source.next);
	in->gap_is_known = true;
	stand_still(in, reason);
}

static void
compare(struct inlet *in, struct message *message, struct digest *digest)
{
	struct log_scope scope = inlet_scope(in);
	char reason[KQUEUE_ERROR_TEXT_MAX];

	if (source_is_recorded(&in->standing, message, digest)) {
		if (has_other_cluster(in))
			log_warn(&scope,
			         "%s/%d: the cluster has another id, and the "
			         "records that were recorded: going on",
			         in->source.topic, in->source.partition);
		trust(in);
		return;
	}
	snprintf(reason, sizeof(reason),
	         "the topic was made anew or the cluster is another one: the "
	         "record at offset %lld is not the one that was recorded",
	         (long long)message->source_offset);
	in->gap_is_known = true;
	stand_still(in, reason);
}

static enum err_code
begin(struct inlet *in, int64_t offset, struct err *err)
{
	return kconsumer_assign(in->consumer, in->source.topic,
	                        in->source.partition, offset, in, in->queue,
	                        err);
}

static void
end(struct inlet *in)
{
	struct err err = { .code = ERR_OK };
	struct log_scope scope = inlet_scope(in);

	if (kconsumer_unassign(in->consumer, in->source.topic,
	                       in->source.partition, &err) != ERR_OK)
		log_warn(&scope, "failed to stop reading (%s)", err.text);
}

/* What Kafka has instead, for people; *out_low as source_record_gap. */
static void
ask_why(struct inlet *in, int64_t *out_low)
{
	struct err err = { .code = ERR_OK };
	int64_t low = 0, high = 0;

	*out_low = -1;
	if (in->gap_is_known || in->consumer == NULL ||
	    kconsumer_watermarks(in->consumer, in->source.topic,
	                         in->source.partition, WATERMARKS_WAIT_MS, &low,
	                         &high, &err) != ERR_OK)
		return;
	if (high < in->source.next)
		snprintf(in->gap_text, sizeof(in->gap_text),
		         "the topic ends at offset %lld, before the one that "
		         "comes next: it was made anew, the cluster is another "
		         "one, or it lost records",
		         (long long)high);
	else if (low > in->source.next)
		*out_low = low;
}

static enum err_code
write_gap(struct inlet *in, struct pgconn *conn, struct err *err)
{
	struct log_scope scope = inlet_scope(in);
	int64_t low = -1;

	ask_why(in, &low);
	if (source_record_gap(conn, in->source.id, in->lane, in->source.next,
	                      low, in->gap_text, err) != ERR_OK)
		return err->code;
	in->gap_recorded = true;
	log_error(&scope,
	          "%s/%d is not read any more, before offset %lld: it waits "
	          "for a person, see \"Source gaps\" in docs/states.md (%s)",
	          in->source.topic, in->source.partition,
	          (long long)in->source.next, in->gap_text);
	inlet_stop(in);
	return ERR_OK;
}

static enum err_code
write_confirmation(struct inlet *in, struct pgconn *conn, struct err *err)
{
	char id[SOURCE_CLUSTER_ID_MAX];

	cluster_id_of(in, id);
	if ((id[0] != '\0' && strcmp(id, in->standing.cluster_id) != 0) ||
	    in->standing.has_gap) {
		if (source_confirm(conn, in->source.id, id, err) != ERR_OK)
			return err->code;
		if (id[0] != '\0')
			memcpy(in->standing.cluster_id, id, sizeof(id));
		in->standing.has_gap = false;
	}
	in->wants_confirm = false;
	return ERR_OK;
}

/* -- public ---------------------------------------------------------------- */

struct log_scope
inlet_scope(const struct inlet *in)
{
	struct log_scope scope = LOG_SCOPE("gather");

	scope.lane = in->lane;
	scope.tenant = in->tenant;
	scope.feed = in->name;
	return scope;
}

bool
inlet_wants_standing(const struct inlet *in)
{
	return in->state == INLET_STOPPED || in->state == INLET_DOUBTED;
}

enum err_code
inlet_start(struct inlet *in, struct kconsumer *consumer, struct kqueue *queue,
            struct err *err)
{
	int64_t next = in->source.next;

	if (!inlet_wants_standing(in))
		return ERR_OK;
	inlet_stop(in);
	in->consumer = consumer;
	in->queue = queue;
	CHECK(in->standing.offset == next - 1 || next < 0);
	/* First start reads from the earliest offset. */
	if (begin(in,
	          next < 0                          ? KCONSUMER_EARLIEST
	                  : in->standing.has_record ? next - 1
	                                            : next,
	          err) != ERR_OK) {
		in->consumer = NULL;
		return err->code;
	}
	in->state = next < 0 ? INLET_TRUSTED : INLET_COMPARING;
	in->wants_confirm = false;
	return ERR_OK;
}

void
inlet_stop(struct inlet *in)
{
	if (in->consumer != NULL)
		end(in);
	in->consumer = NULL;
	in->end = -1;
	if (in->state != INLET_GAP)
		in->state = INLET_STOPPED;
}

void
inlet_doubt(struct inlet *in)
{
	if (in->state == INLET_COMPARING || in->state == INLET_TRUSTED)
		in->state = INLET_DOUBTED;
}

bool
inlet_trouble(struct inlet *in, const char *why)
{
	bool is_new = in->trouble[0] == '\0';

	if (is_new)
		in->trouble_us = clock_now_us();
	snprintf(in->trouble, sizeof(in->trouble), "%s", why);
	return is_new;
}

void
inlet_hear_end(void *opaque, int64_t end, void *context)
{
	struct inlet *in = opaque;

	in->end = end;
	/* While it is doubted, this is what was heard before. */
	if (end >= 0 && in->state != INLET_DOUBTED)
		in->trouble[0] = '\0';
}

void
inlet_refuse_headers(struct batch *batch, struct message *m, size_t bytes_max)
{
	struct violation *violation =
		arena_calloc(&batch->arena, 1, sizeof(*violation));

	*violation = (struct violation){
		.rule = contract_rule_id(CONTRACT_RULE_SIZE_EXCEEDED),
		.path = "",
		.expected =
			arena_printf(&batch->arena,
		                     "at most %zu bytes of headers", bytes_max),
		.value = "more",
		.byte_offset = -1,
	};
	m->verdict = VERDICT_REJECTED;
	m->violations = violation;
	m->violation_count = 1;
}

bool
inlet_admits(struct inlet *in, struct message *message, struct digest *digest)
{
	if (in->state != INLET_DOUBTED)
		in->trouble[0] = '\0';
	if (in->state == INLET_COMPARING) {
		/* Nothing before source.next is ever taken. */
		if (in->standing.has_record &&
		    message->source_offset == in->standing.offset) {
			compare(in, message, digest);
			return false;
		}
		judge_without(in);
	}
	if (in->state != INLET_TRUSTED)
		return false;
	if (in->source.next < 0)
		in->wants_confirm = true;
	return true;
}

void
inlet_out_of_range(struct inlet *in, const char *text)
{
	struct log_scope scope = inlet_scope(in);
	struct err err = { .code = ERR_OK };

	if (in->state != INLET_COMPARING && in->state != INLET_TRUSTED)
		return;
	if (in->state == INLET_COMPARING && in->standing.has_record) {
		/* The record before may be gone, and the next one not. */
		in->standing.has_record = false;
		end(in);
		if (begin(in, in->source.next, &err) == ERR_OK)
			return;
		log_warn(&scope, "failed to read the input, trying again (%s)",
		         err.text);
		in->consumer = NULL;
		in->state = INLET_STOPPED;
		return;
	}
	stand_still(in, text);
}

enum err_code
inlet_write_down(struct inlet *in, struct pgconn *conn, struct err *err)
{
	if (in->state == INLET_GAP && !in->gap_recorded)
		return write_gap(in, conn, err);
	if (in->wants_confirm && in->state == INLET_TRUSTED)
		return write_confirmation(in, conn, err);
	return ERR_OK;
}
