/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from another daemon is offered to the doors here alone, so that
 * two daemons that disagree on who has a lane do not send it to and fro.
 */
#include "gateway/lane_access.h"

#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "gateway/daemon_config.h"
#include "gateway/keeper.h"
#include "gateway/passing.h"
#include "gateway/reception.h"

#define ACCESS_MAGIC    0x61636373u
#define PASSING_THREADS 8
#define WHY_BYTES_MAX   65536

struct lane_access {
	uint32_t magic;
	_Atomic(struct keeper *) *keeper;
	struct passing *passing;
	struct reception *reception;
};

static struct keeper *
keeper_of(void *context)
{
	struct lane_access *access = context;

	CHECK_MAGIC(access, ACCESS_MAGIC);
	return atomic_load(access->keeper);
}

/* To a lane of this daemon. */
static enum submission_outcome
offer_here(void *context, struct submission_part *part)
{
	struct keeper *keeper = keeper_of(context);
	struct submission_lanes doors;

	if (keeper == NULL)
		return SUBMISSION_REFUSED;
	doors = keeper_lanes(keeper);
	return doors.offer(doors.context, part);
}

/* Wherever the lane is. */
static enum submission_outcome
offer(void *context, struct submission_part *part)
{
	struct lane_access *access = context;
	struct keeper *keeper = keeper_of(context);

	if (keeper != NULL && keeper_is_away(keeper, part->lane))
		return passing_offer(access->passing, part);
	return offer_here(access, part);
}

static bool
find_owner(void *context, int lane, char out_url[LEASE_URL_MAX])
{
	struct keeper *keeper = keeper_of(context);

	return keeper != NULL && keeper_owner(keeper, lane, out_url);
}

static bool
look(void *context, int lane, const char *cluster, const struct feed *feed,
     int *out_incarnation, int64_t *out_seq)
{
	struct keeper *keeper = keeper_of(context);

	return keeper != NULL &&
		keeper_progress(keeper, lane, cluster, feed, out_incarnation,
	                        out_seq);
}

static bool
is_away(void *context, int lane)
{
	struct keeper *keeper = keeper_of(context);

	return keeper != NULL && keeper_is_away(keeper, lane);
}

static bool
is_ready(void *context)
{
	struct keeper *keeper = keeper_of(context);
	struct text why;
	bool ready;

	text_init(&why, WHY_BYTES_MAX);
	ready = keeper != NULL && keeper_is_ready(keeper, &why);
	text_fini(&why);
	return ready;
}

/* -- public ---------------------------------------------------------------- */

struct lane_access *
lane_access_new(const struct lane_access_options *options)
{
	const struct daemon_config *config = options->config;
	struct lane_access *access = memory_calloc(1, sizeof(*access));
	struct passing_options passing = {
		.owner = find_owner,
		.context = access,
		.deadline_ms = config->rest_deadline_ms,
		.bytes_max = (size_t)config->door_bytes,
		.threads = PASSING_THREADS,
	};
	struct reception_options reception = {
		.catalogue = options->catalogue,
		.lanes = { offer_here, access },
	};

	access->magic = ACCESS_MAGIC;
	access->keeper = options->keeper;
	if (config->http_tls_authority[0] != '\0')
		passing.tls_ca_file = config->http_tls_authority;
	memcpy(passing.secret, options->secret, sizeof(passing.secret));
	memcpy(reception.secret, options->secret, sizeof(reception.secret));
	access->passing = passing_new(&passing);
	access->reception = reception_new(&reception);
	return access;
}

void
lane_access_free(struct lane_access **handle)
{
	struct lane_access *access = *handle;

	*handle = NULL;
	if (access == NULL)
		return;
	CHECK_MAGIC(access, ACCESS_MAGIC);
	reception_free(&access->reception);
	passing_free(&access->passing);
	access->magic = 0;
	memory_release(access);
}

struct submission_lanes
lane_access_lanes(struct lane_access *access)
{
	return (struct submission_lanes){ offer, access };
}

struct rest_progress
lane_access_progress(struct lane_access *access)
{
	return (struct rest_progress){ look, is_away, is_ready, access };
}

struct reception *
lane_access_reception(struct lane_access *access)
{
	return access->reception;
}
