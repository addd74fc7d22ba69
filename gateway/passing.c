/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A part is taken before it is written, so whoever made it cannot take it back
 * while it is under way: then it is unknown.
 */
#include "gateway/passing.h"

#include <stdio.h>
#include <string.h>

#include "base/io/httpc.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "base/runtime/thread.h"
#include "gateway/handover.h"

#define PASSING_MAGIC   0x70617373u
#define THREADS_MAX     16
#define LOAD_BYTES      (1024 * 1024) /* then no more is added to a request */
#define PART_BYTES      1024          /* what a part holds besides its bytes */
#define MARGIN_MS       50            /* for the way there and back */
#define LEFT_MS_MIN     100           /* less is not worth a try */
#define WARN_EVERY_US   1000000ll
#define ANSWER_BYTE_MAX (64 * 1024 * 1024)
#define URL_MAX         (LEASE_URL_MAX + 64)

struct place {
	struct place *next;
	struct submission_part *part;
	int64_t deadline_us;
};

/* What goes to one lane in one request; the oldest first. */
struct load {
	struct place *first, **last;
	size_t count, bytes;
	int lane;
	int64_t deadline_us;
};

struct passing {
	uint32_t magic;
	struct passing_options options;
	char authorization[PASSING_AUTHORIZATION_MAX + 16];
	struct thread_lock lock;
	struct thread_signal signal;
	/* the lock's */
	struct place *first, **last;
	size_t bytes;
	bool is_stopping;
	int64_t warned_us;
	struct thread *threads[THREADS_MAX];
};

static size_t
cost_of(const struct submission_part *part)
{
	return part->bytes + PART_BYTES;
}

static void
free_place(struct passing *passing, struct place **place)
{
	struct submission *submission = (*place)->part->submission;

	thread_lock(&passing->lock);
	passing->bytes -= cost_of((*place)->part);
	thread_unlock(&passing->lock);
	submission_unref(&submission);
	memory_free(place);
}

/* -- what is sent together ------------------------------------------------------ */

static bool
fits(const struct load *load, const struct submission_part *part)
{
	return part->lane == load->lane && load->count < HANDOVER_PARTS_MAX &&
		load->bytes + part->bytes <= LOAD_BYTES;
}

/* The oldest and whatever goes the same way; the lock is held. */
static void
fill(struct passing *passing, struct load *out)
{
	struct place **link = &passing->first;

	*out = (struct load){
		.last = &out->first,
		.lane = passing->first->part->lane,
		.deadline_us = passing->first->deadline_us,
	};
	while (*link != NULL) {
		struct place *place = *link;

		if (out->count > 0 && !fits(out, place->part)) {
			link = &place->next;
			continue;
		}
		*link = place->next;
		place->next = NULL;
		*out->last = place;
		out->last = &place->next;
		out->bytes += place->part->bytes;
		out->count++;
	}
	passing->last = link;
}

/* Those that were given up meanwhile go. */
static void
take_all(struct passing *passing, struct load *load)
{
	struct place **link = &load->first;

	while (*link != NULL) {
		struct place *place = *link;

		if (submission_take(place->part)) {
			link = &place->next;
			continue;
		}
		*link = place->next;
		load->count--;
		free_place(passing, &place);
	}
}

static void
settle_all(struct passing *passing, struct load *load,
           enum submission_outcome outcome)
{
	while (load->first != NULL) {
		struct place *place = load->first;

		load->first = place->next;
		submission_settle(place->part, outcome);
		free_place(passing, &place);
	}
}

/* -- one request ------------------------------------------------------------------ */

static void
take_answer(struct passing *passing, struct load *load,
            const struct text *answer)
{
	const uint8_t *bytes = (const uint8_t *)text_string(answer);
	struct handover_reader reader = { bytes, bytes + answer->len, false };

	if (!handover_read_answer(&reader, load->count)) {
		settle_all(passing, load, SUBMISSION_UNKNOWN);
		return;
	}
	while (load->first != NULL) {
		struct place *place = load->first;
		struct submission_part *part = place->part;
		struct handover_reader results;
		enum submission_outcome outcome =
			handover_read_outcome(&reader, part, &results);

		load->first = place->next;
		if (outcome == SUBMISSION_RECORDED) {
			if (submission_begin_settling(part)) {
				handover_take_results(&results, part);
				submission_settle(part, outcome);
			}
		} else
			submission_settle(part, outcome);
		free_place(passing, &place);
	}
}

/* These say by themselves that nobody has looked at the parts. */
static bool
is_refusal(int status)
{
	return status == 400 || status == 404 || status == 413;
}

/* An owner that is gone is said once a second, not for each request. */
static void
warn(struct passing *passing, int lane, const char *why)
{
	static const struct log_scope scope = LOG_SCOPE("passing");
	int64_t now_us = clock_now_us();
	bool is_due;

	thread_lock(&passing->lock);
	is_due = passing->warned_us == 0 ||
		now_us - passing->warned_us >= WARN_EVERY_US;
	if (is_due)
		passing->warned_us = now_us;
	thread_unlock(&passing->lock);
	if (is_due)
		log_warn(&scope, "failed to pass on messages of lane %d (%s)",
		         lane, why);
}

static void
exchange(struct passing *passing, struct httpc *client, struct load *load,
         const char *url, const struct text *body)
{
	const char *const headers[] = { passing->authorization,
		                        "Content-Type: "
		                        "application/octet-stream",
		                        NULL };
	const struct httpc_request request = {
		.method = "POST",
		.url = url,
		.headers = headers,
		.body = text_string(body),
		.body_len = body->len,
		.timeout_ms = (load->deadline_us - clock_now_us()) / 1000 + 1,
		.answer_bytes_max = ANSWER_BYTE_MAX,
		.tls_ca_file = passing->options.tls_ca_file,
		.is_once = true,
	};
	struct err err = { .code = ERR_OK };
	struct text answer;
	int status = 0;

	text_init(&answer, ANSWER_BYTE_MAX);
	if (request.timeout_ms <= 1) {
		settle_all(passing, load, SUBMISSION_REFUSED);
	} else if (httpc_do(client, &request, &status, &answer, &err) !=
	           ERR_OK) {
		bool was_sent = httpc_was_sent(client);

		warn(passing, load->lane, err.text);
		settle_all(passing, load,
		           was_sent ? SUBMISSION_UNKNOWN : SUBMISSION_REFUSED);
	} else if (status == 200) {
		take_answer(passing, load, &answer);
	} else {
		(void)err_set(&err, ERR_HTTP, "the owner answers %d", status);
		warn(passing, load->lane, err.text);
		settle_all(passing, load,
		           is_refusal(status) ? SUBMISSION_REFUSED
		                              : SUBMISSION_UNKNOWN);
	}
	text_fini(&answer);
}

static void
send(struct passing *passing, struct httpc *client, struct load *load)
{
	int64_t left_ms = (load->deadline_us - clock_now_us()) / 1000;
	char base[LEASE_URL_MAX], url[URL_MAX];
	struct text body;
	size_t len;

	take_all(passing, load);
	if (load->count == 0)
		return;
	if (left_ms < LEFT_MS_MIN ||
	    !passing->options.owner(passing->options.context, load->lane,
	                            base)) {
		settle_all(passing, load, SUBMISSION_REFUSED);
		return;
	}
	len = strlen(base);
	while (len > 0 && base[len - 1] == '/')
		base[--len] = '\0';
	snprintf(url, sizeof(url), "%s/v1/lanes/%d/parts", base, load->lane);
	text_init(&body, HANDOVER_BYTES_MAX);
	handover_write_request(&body, left_ms - MARGIN_MS, load->count);
	for (struct place *p = load->first; p != NULL; p = p->next)
		handover_write_part(&body, p->part);
	if (text_is_cut(&body))
		settle_all(passing, load, SUBMISSION_REFUSED);
	else
		exchange(passing, client, load, url, &body);
	text_fini(&body);
}

static void
run(void *context)
{
	struct passing *passing = context;
	struct httpc *client = httpc_new();
	struct load load;

	CHECK_MAGIC(passing, PASSING_MAGIC);
	thread_lock(&passing->lock);
	while (!passing->is_stopping) {
		if (passing->first == NULL) {
			(void)thread_signal_wait(&passing->signal,
			                         &passing->lock, -1);
			continue;
		}
		fill(passing, &load);
		thread_unlock(&passing->lock);
		send(passing, client, &load);
		thread_lock(&passing->lock);
	}
	thread_unlock(&passing->lock);
	httpc_free(&client);
}

/* -- public ---------------------------------------------------------------- */

void
passing_authorization(const uint8_t secret[LEASE_SECRET_LEN],
                      char out[PASSING_AUTHORIZATION_MAX])
{
	int len = snprintf(out, PASSING_AUTHORIZATION_MAX, "Waybill-Daemon ");

	for (int i = 0; i < LEASE_SECRET_LEN; i++)
		len += snprintf(out + len,
		                PASSING_AUTHORIZATION_MAX - (size_t)len, "%02x",
		                secret[i]);
}

struct passing *
passing_new(const struct passing_options *options)
{
	struct passing *passing = memory_calloc(1, sizeof(*passing));
	char value[PASSING_AUTHORIZATION_MAX];

	CHECK(options->threads > 0 && options->threads <= THREADS_MAX);
	passing->magic = PASSING_MAGIC;
	passing->options = *options;
	passing_authorization(options->secret, value);
	snprintf(passing->authorization, sizeof(passing->authorization),
	         "Authorization: %s", value);
	passing->last = &passing->first;
	thread_lock_init(&passing->lock, THREAD_RANK_QUEUE);
	thread_signal_init(&passing->signal);
	for (int i = 0; i < options->threads; i++)
		passing->threads[i] = thread_new("passing", run, passing);
	return passing;
}

void
passing_free(struct passing **handle)
{
	struct passing *passing = *handle;

	*handle = NULL;
	if (passing == NULL)
		return;
	CHECK_MAGIC(passing, PASSING_MAGIC);
	thread_lock(&passing->lock);
	passing->is_stopping = true;
	thread_signal_all(&passing->signal);
	thread_unlock(&passing->lock);
	for (int i = 0; i < passing->options.threads; i++)
		thread_join(&passing->threads[i]);
	while (passing->first != NULL) {
		struct place *place = passing->first;

		passing->first = place->next;
		submission_refuse(place->part, SUBMISSION_REFUSED);
		free_place(passing, &place);
	}
	thread_signal_fini(&passing->signal);
	thread_lock_fini(&passing->lock);
	passing->magic = 0;
	memory_release(passing);
}

enum submission_outcome
passing_offer(struct passing *passing, struct submission_part *part)
{
	size_t cost = cost_of(part);
	struct place *place = memory_calloc(1, sizeof(*place));
	bool is_in;

	place->part = part;
	place->deadline_us =
		clock_now_us() + passing->options.deadline_ms * 1000;
	thread_lock(&passing->lock);
	/* One that is larger than all is taken in where nothing else is. */
	is_in = !passing->is_stopping &&
		(passing->bytes == 0 ||
	         passing->bytes + cost <= passing->options.bytes_max);
	if (is_in) {
		*passing->last = place;
		passing->last = &place->next;
		passing->bytes += cost;
		thread_signal_all(&passing->signal);
	}
	thread_unlock(&passing->lock);
	if (is_in)
		return SUBMISSION_WAITING;
	memory_release(place);
	return SUBMISSION_REFUSED;
}
