/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The catalogue as its YAML files say it should be: read, checked by itself
 * (names, references, topics, contracts), not yet compared with Postgres.
 * Everything in a manifest lives until manifest_free.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/model/deployment.h"
#include "base/runtime/digest.h"
#include "base/runtime/err.h"
#include "base/runtime/setting.h"

struct text;
struct yaml;

#define MANIFEST_FILES_MAX 10000
#define MANIFEST_NAME_MAX  40 /* of a tenant, feed, cluster, deployment */

struct manifest_deployment {
	char *name;
	int64_t lanes;
	int durability; /* 0 production, 1 development */
	const struct yaml *node;
};

struct manifest_cluster {
	char *name;
	char *bootstrap;
	struct setting_list roles;
	struct setting_properties properties;
	struct setting_properties secrets; /* property -> file */
	const struct yaml *node; /* NULL: not in the files, Postgres has it */
};

struct manifest_tenant {
	char *name;
	char *title;
	int64_t quota_messages; /* a second; 0: no limit */
	int64_t quota_bytes;
	int64_t quota_burst_s;
	const struct yaml *feeds; /* a list; its items are in manifest.feeds */
	const struct yaml *node;
};

struct manifest_feed {
	const char *tenant;
	char *name;
	char *contract_path; /* as written, relative to the file */
	char *contract_name; /* the same without ".avsc" */
	char *avsc;
	uint8_t digest[DIGEST_SHA256_LEN]; /* of avsc */
	char *input_cluster;               /* "": none */
	char *input_topic;
	char *output_topic;
	struct setting_list outputs; /* empty: all output clusters */
	char *dead_letter_topic;
	int64_t dead_letter_partitions;
	int64_t partitions;
	int64_t message_bytes_max;
	const struct yaml *node;
};

struct manifest {
	struct yaml **documents; /* one of each file */
	size_t document_count;
	struct manifest_deployment *deployment; /* NULL: not in the files */
	struct manifest_cluster *clusters;
	size_t cluster_count;
	struct manifest_tenant *tenants;
	size_t tenant_count;
	struct manifest_feed *feeds;
	size_t feed_count;
};

/*
 * Reads all *.yaml below path (or path itself, if it is a file). contracts:
 * how an .avsc is compiled, to see whether it does (NULL: not looked at).
 * current: what Postgres has; its clusters may be referred to, its topics are
 * taken (NULL: nothing), but for those of feeds that the files do not have, if
 * prune takes these away. ERR_CONFIG: up to 20 lines of
 * "FILE:LINE: KEY: what is wrong".
 */
enum err_code
manifest_load(const char *path, const struct deployment_contracts *contracts,
              const struct deployment *current, bool prune,
              struct manifest **out, struct err *err) ERR_MUST_CHECK;

void
manifest_free(struct manifest **manifest);

/* NULL: none. */
const struct manifest_cluster *
manifest_cluster(const struct manifest *manifest, const char *name);
const struct manifest_feed *
manifest_feed(const struct manifest *manifest, const char *tenant,
              const char *feed);

bool
manifest_cluster_has_role(const struct manifest_cluster *cluster,
                          const char *role);

/* Whether a feed goes to an output cluster. */
bool
manifest_feed_goes_to(const struct manifest_feed *feed,
                      const struct manifest_cluster *cluster);

/* The reference of what may stand in the files, as Markdown. */
void
manifest_print_reference(struct text *out);
