/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A short list; only its changes are locked, since only their thread reads it
 * without the lock.
 */
#include "gateway/lane_routes.h"

#include <string.h>

#include "base/runtime/text.h"

static bool
has_cluster(const struct lane_routes *routes, const char *cluster)
{
	for (size_t i = 0; i < routes->count; i++) {
		if (strcmp(forwarder_cluster(routes->forwarders[i]), cluster) ==
		    0)
			return true;
	}
	return false;
}

static void
end_removed(struct lane_routes *routes, const struct deployment *deployment)
{
	for (size_t i = 0; i < routes->count; i++) {
		const struct cluster *cluster = deployment_cluster(
			deployment, forwarder_cluster(routes->forwarders[i]));

		if (cluster == NULL || !cluster->is_output)
			forwarder_end(routes->forwarders[i]);
	}
}

/* -- public ---------------------------------------------------------------- */

void
lane_routes_init(struct lane_routes *routes)
{
	memset(routes, 0, sizeof(*routes));
	thread_lock_init(&routes->lock, THREAD_RANK_LANE);
}

void
lane_routes_fini(struct lane_routes *routes)
{
	lane_routes_stop(routes);
	thread_lock_fini(&routes->lock);
}

void
lane_routes_follow(struct lane_routes *routes,
                   const struct forwarder_options *options,
                   const struct deployment *deployment,
                   const struct journal_lane *row)
{
	struct forwarder_options one = *options;

	end_removed(routes, deployment);
	for (size_t i = 0; i < deployment->cluster_count; i++) {
		struct forwarder *f;

		one.cluster = deployment->clusters[i].name;
		if (!deployment->clusters[i].is_output ||
		    has_cluster(routes, one.cluster) ||
		    routes->count == LANE_ROUTES_MAX)
			continue;
		f = forwarder_start(&one, row);
		thread_lock(&routes->lock);
		routes->forwarders[routes->count++] = f;
		thread_unlock(&routes->lock);
	}
}

bool
lane_routes_sweep(struct lane_routes *routes)
{
	bool is_swept = false;

	for (size_t i = routes->count; i > 0; i--) {
		struct forwarder *f = routes->forwarders[i - 1];

		if (!forwarder_has_ended(f))
			continue;
		thread_lock(&routes->lock);
		routes->forwarders[i - 1] = routes->forwarders[--routes->count];
		thread_unlock(&routes->lock);
		forwarder_stop(&f);
		is_swept = true;
	}
	return is_swept;
}

enum forwarder_verdict
lane_routes_ask(const struct lane_routes *routes)
{
	enum forwarder_verdict worst = FORWARDER_READY;

	for (size_t i = 0; i < routes->count; i++) {
		enum forwarder_verdict v =
			forwarder_verdict(routes->forwarders[i]);

		if (forwarder_is_ending(routes->forwarders[i]))
			continue;
		if (v == FORWARDER_DIVERGED || v == FORWARDER_LOST)
			return v;
		if (v == FORWARDER_WAIT)
			worst = FORWARDER_WAIT;
	}
	return worst;
}

void
lane_routes_reason(struct lane_routes *routes, char *out, size_t size)
{
	for (size_t i = 0; i < routes->count; i++) {
		if (forwarder_verdict(routes->forwarders[i]) ==
		    FORWARDER_DIVERGED)
			forwarder_reason(routes->forwarders[i], out, size);
	}
}

void
lane_routes_offer(struct lane_routes *routes, struct batch *batch)
{
	for (size_t i = 0; i < routes->count; i++)
		forwarder_offer(routes->forwarders[i], batch);
}

void
lane_routes_tell(struct lane_routes *routes, const struct journal_lane *row)
{
	for (size_t i = 0; i < routes->count; i++)
		forwarder_tell_lane(routes->forwarders[i], row);
}

bool
lane_routes_are_idle(const struct lane_routes *routes)
{
	for (size_t i = 0; i < routes->count; i++) {
		const struct forwarder *f = routes->forwarders[i];

		if (!forwarder_is_ending(f) && !forwarder_is_idle(f) &&
		    forwarder_state(f) != ROUTE_DOWN)
			return false;
	}
	return true;
}

void
lane_routes_stop(struct lane_routes *routes)
{
	size_t count = routes->count;

	thread_lock(&routes->lock);
	routes->count = 0;
	thread_unlock(&routes->lock);
	for (size_t i = 0; i < count; i++)
		forwarder_end(routes->forwarders[i]);
	for (size_t i = 0; i < count; i++)
		forwarder_stop(&routes->forwarders[i]);
}

bool
lane_routes_progress(struct lane_routes *routes, const char *cluster,
                     const struct feed *feed, int *out_incarnation,
                     int64_t *out_seq)
{
	bool is_known = false;

	thread_lock(&routes->lock);
	for (size_t i = 0; i < routes->count && !is_known; i++) {
		struct forwarder *f = routes->forwarders[i];

		is_known = strcmp(forwarder_cluster(f), cluster) == 0;
		if (is_known)
			forwarder_progress(f, feed, out_incarnation, out_seq);
	}
	thread_unlock(&routes->lock);
	return is_known;
}

void
lane_routes_print(struct lane_routes *routes, struct text *out)
{
	thread_lock(&routes->lock);
	for (size_t i = 0; i < routes->count; i++) {
		const struct forwarder *f = routes->forwarders[i];

		text_addf(out,
		          "%s{\"cluster\":\"%s\",\"state\":\"%s\","
		          "\"seq\":%lld}",
		          i > 0 ? "," : "", forwarder_cluster(f),
		          route_state_name(forwarder_state(f)),
		          (long long)forwarder_seq(f));
	}
	thread_unlock(&routes->lock);
}
