/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The catalogue as one immutable snapshot: tenants, feeds, contracts,
 * clusters, as Postgres has them at one catalogue version. Daemons load a
 * new one when the catalogue changes and swap it between batches; whoever
 * works with one holds a reference. Any thread may read.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/io/kcluster.h"
#include "base/runtime/err.h"

struct contract; /* compiled, of contracts/ */
struct pgconn;

struct cluster {
	const char *name;
	const char *bootstrap;
	bool is_input;
	bool is_output;
	const struct kproperty *properties;
	size_t property_count;
	uint8_t digest[32]; /* of address and properties: what is opened */
	int index;          /* in the deployment's clusters */
};

struct tenant {
	const char *name;
	const char *title;
	/* What it may send to each daemon by HTTP; 0: no limit. */
	int64_t quota_messages_per_second;
	int64_t quota_bytes_per_second;
	int64_t quota_burst_seconds; /* a full bucket is so many seconds' */
};

#define CLUSTERS_MAX 8

struct feed {
	const char *tenant;
	const char *name;
	int index; /* in the deployment's feeds; may differ between snapshots */
	const struct cluster *input_cluster; /* NULL: not by Kafka */
	const char *input_topic;             /* NULL: not by Kafka */
	const char *output_topic;
	const char *dead_letter_topic;
	int partitions;
	int dead_letter_partitions;
	int64_t message_bytes_max;
	bool is_removed;  /* takes nothing new; what is recorded still leaves */
	uint32_t outputs; /* bit i: goes to the deployment's cluster i */
	int32_t contract_id;
	const char *contract_name;
	int32_t contract_version;
	const char *contract_avsc;
	struct contract *contract;  /* compiled once per contract id; NULL: it
	                              was not asked for, or see below */
	const char *contract_fault; /* NULL: none; why it does not compile:
	                               nothing new of the feed is judged */
};

struct deployment {
	const char *name;
	int lanes;
	bool development;   /* durability: development */
	int64_t version;    /* of the catalogue */
	uint8_t digest[32]; /* of the whole catalogue */
	const struct cluster *clusters;
	size_t cluster_count;
	const struct tenant *tenants;
	size_t tenant_count;
	const struct feed *feeds; /* by tenant and name */
	size_t feed_count;
	struct deployment_private *private;
};

/* How compiled contracts are made and freed: contracts/ is above this. */
struct deployment_contracts {
	enum err_code (*compile)(int32_t id, const char *name, int32_t version,
	                         const char *avsc, struct contract **out,
	                         struct err *err);
	void (*free)(struct contract **contract);
};

/*
 * Loads everything in one repeatable-read transaction. previous: compiled
 * contracts of the same id are shared with it (NULL: none). A feed whose
 * contract does not compile stays, without one and with a log line: nothing
 * new of it may be read, what is recorded still leaves. contracts NULL:
 * nothing is compiled (the command line).
 * ERR_MIGRATION: no deployment has been applied yet.
 */
enum err_code
deployment_load(struct pgconn *conn,
                const struct deployment_contracts *contracts,
                const struct deployment *previous, struct deployment **out,
                struct err *err) ERR_MUST_CHECK;

const struct deployment *
deployment_ref(const struct deployment *deployment);

void
deployment_unref(const struct deployment **deployment);

const struct tenant *
deployment_tenant(const struct deployment *deployment,
                  const char *tenant); /* NULL: none */

const struct feed *
deployment_feed(const struct deployment *deployment, const char *tenant,
                const char *feed); /* NULL: none */

const struct cluster *
deployment_cluster(const struct deployment *deployment, const char *name);

/* Whether a feed of this snapshot goes to the cluster: bits of outputs mean
   nothing in another snapshot, where clusters were added or removed. */
bool
deployment_goes_to(const struct deployment *deployment, const struct feed *feed,
                   const char *cluster);

/* The lane of an input partition of a feed: a pure function. */
int
deployment_lane(const struct deployment *deployment, const struct feed *feed,
                int partition);
