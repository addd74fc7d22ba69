/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A request goes: admitted and cut into messages (HTTP's thread) -> where its
 * source has no number yet, asked for (a reader's thread) -> prepared and sent
 * to the lanes -> settled by them or given up at its deadline (the desk's
 * thread from here on) -> what is stale is prepared and sent once more ->
 * waited for on the clusters, if so wished -> answered.
 */
#include "gateway/rest/publish.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "base/io/httpd.h"
#include "base/model/deployment.h"
#include "base/model/submission.h"
#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/text.h"
#include "gateway/catalogue.h"
#include "gateway/quota.h"
#include "gateway/rest/admission.h"
#include "gateway/rest/desk.h"
#include "gateway/rest/intake.h"
#include "gateway/rest/origin.h"
#include "gateway/rest/preparation.h"
#include "gateway/rest/problem.h"
#include "gateway/rest/publish_answer.h"
#include "gateway/rest/publish_request.h"
#include "gateway/rest/reading.h"
#include "gateway/rest/receipt.h"
#include "gateway/rest/rest_context.h"
#include "gateway/rest/rest_metric.h"

#define PUBLISH_MAGIC     0x7075626cu
#define PUBLISH_TRIES_MAX 4 /* of what was stale */

/* In the arena of its exchange. */
struct publish {
	uint32_t magic;
	struct desk_entry entry; /* both: found by their offset */
	struct reading_job job;
	struct rest *rest;
	struct http_exchange *exchange;
	const struct deployment *deployment; /* referenced */
	const struct feed *feed;
	struct publish_request request;
	struct intake intake;
	int32_t principal;
	int32_t source_id;
	int64_t began_us;
	int64_t deadline_us;
	bool is_forwarded;
	struct receipt *receipts; /* as many as messages */
	struct submission *submissions[PUBLISH_TRIES_MAX];
	uint32_t *indexes; /* of the last one's messages; NULL: all */
	int tries;
	/* Of the last try. It is settled when it is done and whoever sends it
	   has let go; it must not be given up before it is sent. */
	atomic_int unsettled;
	atomic_bool sent;
	atomic_bool too_late;
};

static struct publish *
of_entry(struct desk_entry *entry)
{
	struct publish *p =
		(struct publish *)(void *)((char *)entry -
	                                   offsetof(struct publish, entry));

	CHECK_MAGIC(p, PUBLISH_MAGIC);
	return p;
}

static struct publish *
of_job(struct reading_job *job)
{
	struct publish *p =
		(struct publish *)(void *)((char *)job -
	                                   offsetof(struct publish, job));

	CHECK_MAGIC(p, PUBLISH_MAGIC);
	return p;
}

/* -- the answer -------------------------------------------------------------------- */

static void
end(struct publish *p)
{
	struct http_exchange *exchange = p->exchange;
	struct http_response *response = http_exchange_response(exchange);

	rest_metric_answered(ENDPOINT_PUBLISH, response->status,
	                     clock_now_us() - p->began_us);
	for (int i = 0; i < p->tries; i++)
		submission_unref(&p->submissions[i]);
	deployment_unref(&p->deployment);
	p->magic = 0;
	http_exchange_answer(exchange);
}

static void
refuse(struct publish *p, enum problem problem, const char *detail)
{
	problem_answer(http_exchange_response(p->exchange), problem, detail);
	end(p);
}

static void
answer(struct publish *p)
{
	const struct publish_answer content = {
		.receipts = p->receipts,
		.count = p->intake.count,
		.is_single = media_is_single(p->request.intake.media),
		.forwarded = p->is_forwarded,
		.only_bad = p->request.only_bad,
	};

	rest_metric_receipts(p->receipts, p->intake.count);
	publish_answer_print(&content, http_exchange_response(p->exchange));
	end(p);
}

/* -- to the lanes and back ------------------------------------------------------------ */

static void
settle(struct publish *p)
{
	if (atomic_fetch_sub(&p->unsettled, 1) == 1)
		desk_settle(p->rest->desk, &p->entry);
}

static void
on_done(struct submission *submission, void *context)
{
	struct publish *p = context;

	CHECK_MAGIC(p, PUBLISH_MAGIC);
	settle(p);
}

/* Behind this p may be answered already. */
static void
send(struct publish *p, struct submission *submission)
{
	submission->principal = p->principal;
	submission->source_id = p->source_id;
	submission->file = p->request.file == NULL
		? NULL
		: arena_strdup(&submission->arena, p->request.file);
	submission->done = on_done;
	submission->context = p;
	CHECK(p->tries < PUBLISH_TRIES_MAX);
	p->submissions[p->tries++] = submission;
	atomic_store(&p->unsettled, 2);
	atomic_store(&p->sent, false);
	atomic_store(&p->too_late, false);
	desk_wait(p->rest->desk, &p->entry, p->deadline_us);
	submission_send(submission, &p->rest->options.lanes);
	atomic_store(&p->sent, true);
	if (atomic_load(&p->too_late))
		submission_give_up(submission);
	settle(p);
}

/* False: *err says why, and p is as it was. */
static bool
prepare_and_send(struct publish *p, const struct intake *intake,
                 struct err *err)
{
	const struct preparation preparation = {
		.deployment = p->deployment,
		.feed = p->feed,
		.partition = p->request.partition,
		.first = p->request.intake.first,
		.is_file = p->request.file != NULL,
	};
	struct submission *submission = NULL;

	if (preparation_make(&preparation, intake, &submission, err) != ERR_OK)
		return false;
	send(p, submission);
	return true;
}

/* Bodies mean something else by another contract. */
static bool
is_made_for(const struct publish *p, const struct feed *feed)
{
	return p->request.contract == 0 ||
		p->request.contract == feed->contract_id;
}

/* What was judged by a contract that is no longer in force, as a request of its
   own. */
static bool
send_stale(struct publish *p, size_t stale)
{
	struct arena *arena = http_exchange_arena(p->exchange);
	const char *tenant = p->feed->tenant, *name = p->feed->name;
	const struct deployment *newer = catalogue_take(p->rest->catalogue);
	const struct feed *feed = deployment_feed(newer, tenant, name);
	struct intake intake = { .count = 0 };
	struct err err;

	if (feed == NULL || feed->is_removed || feed->contract == NULL ||
	    !is_made_for(p, feed)) {
		deployment_unref(&newer);
		return false;
	}
	deployment_unref(&p->deployment);
	p->deployment = newer;
	p->feed = feed;
	intake.messages = arena_alloc(arena, stale * sizeof(*intake.messages));
	p->indexes = arena_alloc(arena, stale * sizeof(*p->indexes));
	for (size_t i = 0; i < p->intake.count; i++) {
		if (!p->receipts[i].is_stale)
			continue;
		p->indexes[intake.count] = (uint32_t)i;
		intake.messages[intake.count++] = p->intake.messages[i];
	}
	return prepare_and_send(p, &intake, &err);
}

/* -- waiting for the clusters -------------------------------------------------------- */

static bool
is_on_cluster(const struct publish *p, const struct receipt *receipt,
              const char *cluster)
{
	const struct rest_progress *progress = &p->rest->options.progress;
	int incarnation;
	int64_t seq;

	return progress->look != NULL &&
		progress->look(progress->context, receipt->lane, cluster,
	                       p->feed, &incarnation, &seq) &&
		(incarnation > receipt->incarnation ||
	         (incarnation == receipt->incarnation && seq >= receipt->seq));
}

static bool
is_forwarded(const struct publish *p)
{
	const struct deployment *deployment = p->deployment;

	for (size_t c = 0; c < deployment->cluster_count; c++) {
		const char *cluster = deployment->clusters[c].name;

		if (!deployment_goes_to(deployment, p->feed, cluster))
			continue;
		for (size_t i = 0; i < p->intake.count; i++)
			if (p->receipts[i].kind == RECEIPT_ACCEPTED &&
			    !is_on_cluster(p, &p->receipts[i], cluster))
				return false;
	}
	return true;
}

/* Of another daemon nobody here hears how far it is: no use in waiting. */
static bool
is_elsewhere(const struct publish *p)
{
	const struct rest_progress *progress = &p->rest->options.progress;

	for (size_t i = 0; i < p->intake.count && progress->is_away; i++)
		if (p->receipts[i].kind == RECEIPT_ACCEPTED &&
		    progress->is_away(progress->context, p->receipts[i].lane))
			return true;
	return false;
}

static bool
on_poll(struct desk_entry *entry, bool late)
{
	struct publish *p = of_entry(entry);

	p->is_forwarded = is_forwarded(p);
	if (!p->is_forwarded && !late && !is_elsewhere(p))
		return false;
	answer(p);
	return true;
}

static bool
wants_forwarded(const struct publish *p)
{
	if (!p->request.wait_forwarded)
		return false;
	for (size_t i = 0; i < p->intake.count; i++)
		if (p->receipts[i].kind == RECEIPT_ACCEPTED)
			return true;
	return false;
}

/* -- the desk's thread ------------------------------------------------------------------ */

static void
on_settled(struct desk_entry *entry)
{
	struct publish *p = of_entry(entry);
	size_t stale = receipt_take(p->submissions[p->tries - 1], p->indexes,
	                            p->receipts);

	if (stale > 0 && p->tries < PUBLISH_TRIES_MAX &&
	    clock_now_us() < p->deadline_us && send_stale(p, stale))
		return;
	if (wants_forwarded(p))
		desk_poll(p->rest->desk, entry, p->deadline_us);
	else
		answer(p);
}

static void
on_expired(struct desk_entry *entry)
{
	struct publish *p = of_entry(entry);

	atomic_store(&p->too_late, true);
	if (atomic_load(&p->sent))
		submission_give_up(p->submissions[p->tries - 1]);
}

static const struct desk_calls calls = {
	.settled = on_settled,
	.expired = on_expired,
	.poll = on_poll,
};

/* -- the source's number ------------------------------------------------------------------ */

static void
go_on(struct publish *p)
{
	struct err err = { .code = ERR_OK };

	if (!prepare_and_send(p, &p->intake, &err))
		refuse(p,
		       err.code == ERR_TOO_LARGE ? PROBLEM_TOO_LARGE
		                                 : PROBLEM_BAD_REQUEST,
		       err.text);
}

static enum err_code
ask_source(struct reading_job *job, struct pgconn *conn, struct err *err)
{
	struct publish *p = of_job(job);

	return origin_take(p->rest->origin, conn, p->feed, p->request.file,
	                   &p->source_id, err);
}

static void
source_is_known(struct reading_job *job, const struct err *err)
{
	struct publish *p = of_job(job);

	if (err->code == ERR_OK)
		go_on(p);
	else
		refuse(p, PROBLEM_UNAVAILABLE,
		       "the journal cannot be reached; try again");
}

static void
find_source(struct publish *p)
{
	p->source_id = origin_known(p->rest->origin, p->feed, p->request.file);
	if (p->source_id != 0) {
		go_on(p);
		return;
	}
	p->job = (struct reading_job){ ask_source, source_is_known };
	if (!reading_ask(p->rest->reading, &p->job))
		refuse(p, PROBLEM_UNAVAILABLE, "too much is asked for");
}

/* -- HTTP's thread ------------------------------------------------------------------------- */

static void
add_limits(struct http_response *response, const struct quota_answer *taken)
{
	char value[QUOTA_TEXT_MAX];

	quota_policy_text(taken, value);
	if (value[0] == '\0')
		return;
	http_response_header(response, "RateLimit-Policy", value);
	quota_limit_text(taken, value);
	http_response_header(response, "RateLimit", value);
}

/* False: the request is answered. */
static bool
take_quota(struct publish *p)
{
	struct http_response *response = http_exchange_response(p->exchange);
	const struct tenant *tenant =
		deployment_tenant(p->deployment, p->feed->tenant);
	struct quota_answer taken;
	char detail[QUOTA_TEXT_MAX];
	enum quota_outcome outcome;

	CHECK(tenant != NULL);
	outcome = quota_take(p->rest->quota, p->deployment, tenant,
	                     (int64_t)p->intake.count,
	                     (int64_t)p->request.intake.body_len, &taken);
	add_limits(response, &taken);
	if (outcome == QUOTA_TAKEN)
		return true;
	quota_detail_text(&taken, detail);
	if (outcome == QUOTA_WAIT)
		response->retry_after_s = quota_retry_after_s(&taken);
	refuse(p, outcome == QUOTA_WAIT ? PROBLEM_QUOTA : PROBLEM_TOO_LARGE,
	       detail);
	return false;
}

/* The problem, or PROBLEM_COUNT: the messages are there. */
static enum problem
read_messages(struct publish *p, struct err *err)
{
	struct arena *arena = http_exchange_arena(p->exchange);

	p->request.intake.contract = p->feed->contract;
	p->request.intake.count_max = p->rest->request_messages_max;
	if (intake_read(&p->request.intake, arena, &p->intake, err) != ERR_OK)
		return err->code == ERR_TOO_LARGE ? PROBLEM_TOO_LARGE
						  : PROBLEM_BAD_REQUEST;
	if (p->intake.count == 0) {
		err_set(err, ERR_INVALID, "there is no message in the body");
		return PROBLEM_BAD_REQUEST;
	}
	p->receipts =
		arena_alloc(arena, p->intake.count * sizeof(*p->receipts));
	return PROBLEM_COUNT;
}

static struct publish *
new_publish(struct http_exchange *exchange, struct rest *rest)
{
	struct publish *p =
		arena_calloc(http_exchange_arena(exchange), 1, sizeof(*p));

	p->magic = PUBLISH_MAGIC;
	p->rest = rest;
	p->exchange = exchange;
	p->entry.calls = &calls;
	p->began_us = clock_now_us();
	p->deadline_us = p->began_us + rest->deadline_us;
	p->deployment = catalogue_take(rest->catalogue);
	return p;
}

/* -- public ---------------------------------------------------------------- */

bool
publish_admit(const struct http_request *request,
              struct http_response *response, void *context)
{
	struct rest *rest = context;
	const struct deployment *deployment = catalogue_take(rest->catalogue);
	struct publish_request ignored;
	struct admission admission;
	struct err err = { .text = "" };
	enum problem problem;

	CHECK_MAGIC(rest, REST_MAGIC);
	problem = admission_check(rest->auth, deployment, request, AUTH_PUBLISH,
	                          &admission);
	if (problem == PROBLEM_COUNT)
		problem = publish_request_read(request, response->arena,
		                               &ignored, &err);
	deployment_unref(&deployment);
	if (problem == PROBLEM_COUNT)
		return true;
	problem_answer(response, problem, err.text[0] ? err.text : NULL);
	rest_metric_answered(ENDPOINT_PUBLISH, response->status, 0);
	return false;
}

void
publish_begin(struct http_exchange *exchange, void *context)
{
	const struct http_request *request = http_exchange_request(exchange);
	struct rest *rest = context;
	struct publish *p;
	struct admission admission;
	struct err err;
	enum problem problem;

	CHECK_MAGIC(rest, REST_MAGIC);
	p = new_publish(exchange, rest);
	err.text[0] = '\0';
	problem = admission_check(rest->auth, p->deployment, request,
	                          AUTH_PUBLISH, &admission);
	if (problem == PROBLEM_COUNT)
		problem = publish_request_read(request,
		                               http_exchange_arena(exchange),
		                               &p->request, &err);
	if (problem != PROBLEM_COUNT) {
		refuse(p, problem, err.text[0] ? err.text : NULL);
		return;
	}
	p->feed = admission.feed;
	p->principal = admission.principal.id;
	if (p->feed->contract == NULL) {
		refuse(p, PROBLEM_UNAVAILABLE,
		       "the feed's contract is not in force here");
		return;
	}
	if (!is_made_for(p, p->feed)) {
		refuse(p, PROBLEM_OTHER_CONTRACT, NULL);
		return;
	}
	problem = read_messages(p, &err);
	if (problem != PROBLEM_COUNT)
		refuse(p, problem, err.text);
	else if (take_quota(p))
		find_source(p);
}
