/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Each part is a submission of its own, offered to the lanes of this daemon
 * only: what has gone to another meanwhile is refused, not passed further. The
 * answer waits for the last of them, or for the time that whoever asks gives.
 */
#include "gateway/reception.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/httpd.h"
#include "base/model/deployment.h"
#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/digest.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "gateway/catalogue.h"
#include "gateway/handover.h"
#include "gateway/passing.h"
#include "gateway/rest/desk.h"

#define RECEPTION_MAGIC 0x72656370u
#define GUESTS_MAGIC    0x67756573u

struct reception {
	uint32_t magic;
	struct reception_options options;
	char authorization[PASSING_AUTHORIZATION_MAX];
	struct desk *desk;
};

/* One part; outcome where it has no submission. */
struct guest {
	struct submission *submission;
	enum submission_outcome outcome;
};

/* All parts of a request; in the arena of its exchange. */
struct guests {
	uint32_t magic;
	struct desk_entry entry;
	struct reception *reception;
	struct http_exchange *exchange;
	struct guest *guests;
	size_t count;
	/* as in a publishing request */
	atomic_size_t unsettled;
	atomic_bool sent;
	atomic_bool too_late;
};

static struct guests *
of_entry(struct desk_entry *entry)
{
	struct guests *g =
		(struct guests *)(void *)((char *)entry -
	                                  offsetof(struct guests, entry));

	CHECK_MAGIC(g, GUESTS_MAGIC);
	return g;
}

/* -- the desk's thread ------------------------------------------------------------ */

static void
on_settled(struct desk_entry *entry)
{
	struct guests *g = of_entry(entry);
	struct http_response *response = http_exchange_response(g->exchange);

	response->content_type = "application/octet-stream";
	handover_write_answer(response->body, g->count);
	for (size_t i = 0; i < g->count; i++) {
		struct guest *guest = &g->guests[i];

		if (guest->submission != NULL)
			guest->outcome =
				submission_outcome(guest->submission, 0);
		handover_write_outcome(response->body, guest->outcome,
		                       guest->submission);
		submission_unref(&guest->submission);
	}
	g->magic = 0;
	http_exchange_answer(g->exchange);
}

static void
give_up(struct guests *g)
{
	for (size_t i = 0; i < g->count; i++) {
		if (g->guests[i].submission != NULL)
			submission_give_up(g->guests[i].submission);
	}
}

static void
on_expired(struct desk_entry *entry)
{
	struct guests *g = of_entry(entry);

	atomic_store(&g->too_late, true);
	if (atomic_load(&g->sent))
		give_up(g);
}

static const struct desk_calls calls = {
	.settled = on_settled,
	.expired = on_expired,
};

/* -- the server's thread ------------------------------------------------------------ */

static void
settle(struct guests *g)
{
	if (atomic_fetch_sub(&g->unsettled, 1) == 1)
		desk_settle(g->reception->desk, &g->entry);
}

static void
on_done(struct submission *submission, void *context)
{
	struct guests *g = context;

	CHECK_MAGIC(g, GUESTS_MAGIC);
	settle(g);
}

/* Behind this they may be answered already. */
static void
send_all(struct guests *g, int64_t wait_ms)
{
	size_t submissions = 0;

	for (size_t i = 0; i < g->count; i++)
		submissions += g->guests[i].submission != NULL;
	atomic_store(&g->unsettled, submissions + 1);
	desk_wait(g->reception->desk, &g->entry,
	          clock_now_us() + wait_ms * 1000);
	for (size_t i = 0; i < g->count; i++) {
		struct submission *s = g->guests[i].submission;

		if (s == NULL)
			continue;
		s->done = on_done;
		s->context = g;
		submission_send(s, &g->reception->options.lanes);
	}
	atomic_store(&g->sent, true);
	if (atomic_load(&g->too_late))
		give_up(g);
	settle(g);
}

/* False: they cannot be read, and none is kept. */
static bool
read_all(struct guests *g, struct handover_reader *reader, int lane)
{
	const struct deployment *deployment =
		catalogue_take(g->reception->options.catalogue);

	for (size_t i = 0; i < g->count && !reader->has_failed; i++)
		g->guests[i].outcome = handover_read_part(
			reader, deployment, lane, &g->guests[i].submission);
	deployment_unref(&deployment);
	if (!reader->has_failed && reader->at == reader->end)
		return true;
	for (size_t i = 0; i < g->count; i++)
		submission_unref(&g->guests[i].submission);
	return false;
}

static int
lane_of(const struct http_request *request)
{
	const char *value = http_request_path_value(request, "lane");
	char *end = NULL;
	long lane = strtol(value, &end, 10);

	return *value >= '0' && *value <= '9' && *end == '\0' &&
			lane < LEASE_LANES_MAX
		? (int)lane
		: -1;
}

/* -- public ---------------------------------------------------------------- */

struct reception *
reception_new(const struct reception_options *options)
{
	struct reception *reception = memory_calloc(1, sizeof(*reception));

	reception->magic = RECEPTION_MAGIC;
	reception->options = *options;
	passing_authorization(options->secret, reception->authorization);
	reception->desk = desk_new();
	return reception;
}

void
reception_free(struct reception **handle)
{
	struct reception *reception = *handle;

	*handle = NULL;
	if (reception == NULL)
		return;
	CHECK_MAGIC(reception, RECEPTION_MAGIC);
	desk_free(&reception->desk);
	reception->magic = 0;
	memory_release(reception);
}

bool
reception_admit(const struct reception *reception,
                const struct http_request *request,
                struct http_response *response)
{
	const char *shown = http_request_header(request, "Authorization");
	size_t len = strlen(reception->authorization);

	CHECK_MAGIC(reception, RECEPTION_MAGIC);
	if (shown != NULL && strlen(shown) == len &&
	    digest_equal(shown, reception->authorization, len) &&
	    lane_of(request) >= 0)
		return true;
	http_response_problem(response, 404, "Not Found",
	                      "there is nothing at this path");
	return false;
}

void
reception_begin(struct reception *reception, struct http_exchange *exchange)
{
	const struct http_request *request = http_exchange_request(exchange);
	struct arena *arena = http_exchange_arena(exchange);
	struct handover_reader reader = { request->body,
		                          request->body + request->body_len,
		                          request->body == NULL };
	struct guests *g = arena_calloc(arena, 1, sizeof(*g));
	int64_t wait_ms;

	CHECK_MAGIC(reception, RECEPTION_MAGIC);
	g->magic = GUESTS_MAGIC;
	g->reception = reception;
	g->exchange = exchange;
	g->entry.calls = &calls;
	if (handover_read_request(&reader, &wait_ms, &g->count)) {
		g->guests = arena_calloc(arena, g->count, sizeof(*g->guests));
		if (read_all(g, &reader, lane_of(request))) {
			send_all(g, wait_ms);
			return;
		}
	}
	http_response_problem(http_exchange_response(exchange), 400,
	                      "Bad Request", "the parts cannot be read");
	http_exchange_answer(exchange);
}
