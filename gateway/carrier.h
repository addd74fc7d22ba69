/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One lane's open way to one cluster: its connections, how far it is, and the
 * act of carrying batches over. A carrier that meets an unclear outcome is
 * closed and opened again, which recovers. Owner's thread only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/runtime/err.h"
#include "gateway/parking.h"
#include "gateway/transaction.h"

struct batch;
struct carrier;
struct daemon_config;
struct deployment;

struct carrier_options {
	const struct daemon_config *config;
	const char *cluster; /* its name */
	int lane;
};

/* Recovers: ERR_DIVERGED, ERR_LANE_LOST, ERR_PROGRESS_BLOCKED,
   ERR_KAFKA_DOWN, ERR_KAFKA_TOPIC, ERR_POSTGRES_LOST and others. */
enum err_code
carrier_open(const struct carrier_options *options,
             const struct deployment *deployment, struct carrier **out,
             struct err *err) ERR_MUST_CHECK;

/* Batches that were carried when an error came are released behind this, not
   before: until then Kafka's client may send from their memory. */
void
carrier_close(struct carrier **carrier);

/* How far the cluster is. */
int
carrier_incarnation(const struct carrier *carrier);
int64_t
carrier_seq(const struct carrier *carrier);
const struct parking *
carrier_parking(const struct carrier *carrier);

/* What the progress record says of the lane as it is now. */
struct carrier_lane {
	int64_t epoch;
	int64_t system_id;
	int timeline;
};

/*
 * Carries consecutive batches in one transaction. Feeds whose topic is wrong
 * or whose message the cluster refuses are parked with it. ERR_KAFKA: nothing
 * was carried, the same may work later. Any other error: close the carrier.
 */
enum err_code
carrier_carry(struct carrier *carrier, struct batch *const *batches,
              size_t count, const struct carrier_lane *lane,
              struct err *err) ERR_MUST_CHECK;

/* Tries to send what parked feeds have behind them, for half a second at most;
   does nothing more often than every few seconds, but goes on with what it has
   begun. Errors as carrier_carry. */
enum err_code
carrier_unpark(struct carrier *carrier, const struct deployment *deployment,
               const struct carrier_lane *lane, struct err *err) ERR_MUST_CHECK;

/* While nothing is to be carried: whether the cluster still answers, asked
   every few seconds. ERR_KAFKA, ERR_KAFKA_TOPIC: it does not. */
enum err_code
carrier_probe(struct carrier *carrier, struct err *err) ERR_MUST_CHECK;

/* The recorded batch behind (incarnation, seq); NULL: none. */
enum err_code
carrier_read(struct carrier *carrier, const struct deployment *deployment,
             int incarnation, int64_t seq, struct batch **out,
             struct err *err) ERR_MUST_CHECK;

/* Goes on to the next incarnation, behind the end of this one. ERR_KAFKA: not
   while a feed is parked. */
enum err_code
carrier_next_incarnation(struct carrier *carrier,
                         struct err *err) ERR_MUST_CHECK;

/* Writes the state that people see. */
enum err_code
carrier_mark(struct carrier *carrier, int state, const char *reason,
             struct err *err) ERR_MUST_CHECK;
