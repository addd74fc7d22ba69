/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A Kafka cluster seen from outside the data path: topics, partitions,
 * leaders, watermarks, configuration, and bounded reads of a partition.
 * librdkafka is included through klib.h, in base/io/k*.c only.
 * Owner's thread only; waits at most the given time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct kcluster;
struct kmessage;

struct kproperty {
	const char *name;
	const char *value;
};

/* What kcluster, kconsumer and kproducer are opened with. Borrowed only
   during the call that takes it. */
struct kcluster_options {
	const char *name;      /* of the cluster, for errors and logs */
	const char *bootstrap; /* host:port,host:port */
	const char *client_id;
	/* Any librdkafka property, on top of this project's defaults. */
	const struct kproperty *properties;
	size_t property_count;
};

enum err_code
kcluster_open(const struct kcluster_options *options, struct kcluster **out,
              struct err *err) ERR_MUST_CHECK;
void
kcluster_close(struct kcluster **cluster);

/* Kafka's own cluster id; valid until close. ERR_KAFKA_DOWN. */
enum err_code
kcluster_id(struct kcluster *cluster, int64_t timeout_ms, const char **out,
            struct err *err) ERR_MUST_CHECK;

#define KCLUSTER_LEADERLESS_MAX 16

struct kcluster_topic {
	int partition_count;
	int leaderless_count;
	int leaderless[KCLUSTER_LEADERLESS_MAX]; /* the first of them */
	int replication_factor;                  /* the smallest */
};

/* ERR_KAFKA_TOPIC: it does not exist. Does not create it. ERR_KAFKA_DOWN. */
enum err_code
kcluster_describe_topic(struct kcluster *cluster, const char *topic,
                        int64_t timeout_ms, struct kcluster_topic *out,
                        struct err *err) ERR_MUST_CHECK;

/* One configuration value of a topic ("cleanup.policy"), copied; "" when the
   broker has none by that name. ERR_KAFKA: it cannot be asked (the embedded
   broker), which takes the whole time. ERR_KAFKA_TOPIC. ERR_KAFKA_DOWN. */
enum err_code
kcluster_topic_config(struct kcluster *cluster, const char *topic,
                      const char *name, int64_t timeout_ms, char *out,
                      size_t size, struct err *err) ERR_MUST_CHECK;

struct kcluster_new_topic {
	const char *topic;
	int partition_count;
	int replication_factor; /* -1: the broker's default */
	const struct kproperty *config;
	size_t config_count;
};

/* Returns when its partitions have leaders. ERR_CONFLICT: it is there already.
   ERR_KAFKA: refused or unsupported. ERR_TIMEOUT: no leaders yet. */
enum err_code
kcluster_create_topic(struct kcluster *cluster,
                      const struct kcluster_new_topic *topic,
                      int64_t timeout_ms, struct err *err) ERR_MUST_CHECK;

/*
 * The first offset that is still there and the one behind the last.
 * committed: the last stable offset (isolation read_committed) instead of
 * the high watermark; the two take two handles, since isolation is a
 * property of a client. ERR_KAFKA_TOPIC. ERR_KAFKA_DOWN, ERR_TIMEOUT, ERR_KAFKA:
 * no leader, or it does not answer.
 */
enum err_code
kcluster_watermarks(struct kcluster *cluster, const char *topic, int partition,
                    bool committed, int64_t timeout_ms, int64_t *out_low,
                    int64_t *out_high, struct err *err) ERR_MUST_CHECK;

/*
 * Reads a partition from offset from (inclusive) to offset to (exclusive),
 * read_committed or not, and calls each for every message; each returns false
 * to stop early. Knows that transaction markers and aborted messages leave
 * gaps at the end. ERR_SOURCE_GAP: from is no longer there. ERR_TIMEOUT: what
 * is before to was not there in time (committed: or not decided).
 */
enum err_code
kcluster_read(struct kcluster *cluster, const char *topic, int partition,
              int64_t from, int64_t to, bool committed, int64_t timeout_ms,
              bool (*each)(const struct kmessage *message, void *context),
              void *context, struct err *err) ERR_MUST_CHECK;

/* The effective librdkafka properties, defaults of this project included,
   for the printed reference page. */
struct text;
void
kcluster_print_reference(struct text *out);
