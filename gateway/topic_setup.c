/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * One cluster after the other, and for each the topics that feeds have on it
 * and the progress topic. A cluster that does not answer costs one timeout
 * and one warning.
 */
#include "gateway/topic_setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/kcluster.h"
#include "base/model/deployment.h"
#include "base/runtime/digest.h"
#include "base/runtime/memory.h"
#include "base/runtime/setting.h"
#include "base/runtime/text.h"
#include "gateway/manifest.h"

#define TIMEOUT_MS     10000
#define DEVELOPMENT_MS 2000 /* the embedded broker never answers this */
#define PROPERTIES_MAX 256

/* What a record has around a body: key, headers, violations. */
#define ROOM_BYTES        65536
#define KAFKA_BYTES_MAX   1048588 /* a broker's default max.message.bytes */
#define REPLICAS          "3"
#define REPLICAS_MIN      "2"
#define PROGRESS_NAME_MAX 128

struct checking {
	const struct topic_setup_options *options;
	const struct manifest_cluster *cluster;
	struct kcluster *kafka;
	struct text *lines;
	struct text *warnings;
	struct text faults;
	bool is_development;
	bool is_down;       /* the cluster does not answer */
	bool has_no_config; /* it does not tell configurations */
	char *secrets[PROPERTIES_MAX / 8];
	size_t secret_count;
};

/* A topic as it should be. */
struct wanted {
	const char *topic;
	int partitions;
	int64_t body_bytes_max; /* 0: any */
	bool is_progress;
};

/* -- clusters -------------------------------------------------------------- */

static enum err_code
read_secret(struct checking *checking, const char *path, struct err *err)
{
	const char *reason = NULL;
	char *secret = setting_read_secret(path, &reason);

	if (secret == NULL)
		return err_set(err, ERR_IO, "%s: %s", path, reason);
	checking->secrets[checking->secret_count++] = secret;
	return ERR_OK;
}

static void
forget_secrets(struct checking *checking)
{
	while (checking->secret_count > 0) {
		char **secret = &checking->secrets[--checking->secret_count];

		digest_wipe(*secret, strlen(*secret));
		memory_free(secret);
	}
}

static enum err_code
open_cluster(struct checking *checking, struct err *err)
{
	const struct manifest_cluster *cluster = checking->cluster;
	struct kproperty properties[PROPERTIES_MAX];
	struct kcluster_options options = {
		.name = cluster->name,
		.bootstrap = cluster->bootstrap,
		.client_id = "waybill-apply",
		.properties = properties,
	};
	size_t count = 0;

	if (cluster->properties.count + cluster->secrets.count >
	            PROPERTIES_MAX ||
	    cluster->secrets.count > PROPERTIES_MAX / 8)
		return err_set(err, ERR_TOO_LARGE,
		               "cluster %s has too many properties",
		               cluster->name);
	for (size_t i = 0; i < cluster->properties.count; i++)
		properties[count++] = (struct kproperty){
			cluster->properties.values[i].name,
			cluster->properties.values[i].value,
		};
	for (size_t i = 0; i < cluster->secrets.count; i++) {
		if (read_secret(checking, cluster->secrets.values[i].value,
		                err) != ERR_OK)
			return err->code;
		properties[count++] = (struct kproperty){
			cluster->secrets.values[i].name,
			checking->secrets[i],
		};
	}
	options.property_count = count;
	return kcluster_open(&options, &checking->kafka, err);
}

/* -- one topic ------------------------------------------------------------- */

static void
warn(struct checking *checking, const char *what, const char *text)
{
	text_addf(checking->warnings, "cluster %s: %s%s%s\n",
	          checking->cluster->name, what, *what ? ": " : "", text);
}

static enum err_code
create_topic(struct checking *checking, const struct wanted *wanted,
             struct err *err)
{
	char bytes[32];
	struct kproperty config[4];
	struct kcluster_new_topic topic = {
		.topic = wanted->topic,
		.partition_count = wanted->partitions,
		.replication_factor =
			checking->is_development ? 1 : atoi(REPLICAS),
		.config = config,
	};
	size_t count = 0;
	enum err_code code;

	if (!checking->is_development)
		config[count++] = (struct kproperty){ "min.insync.replicas",
			                              REPLICAS_MIN };
	if (wanted->body_bytes_max + ROOM_BYTES > KAFKA_BYTES_MAX) {
		snprintf(bytes, sizeof(bytes), "%lld",
		         (long long)wanted->body_bytes_max + ROOM_BYTES);
		config[count++] =
			(struct kproperty){ "max.message.bytes", bytes };
	}
	if (wanted->is_progress) {
		config[count++] =
			(struct kproperty){ "cleanup.policy", "compact" };
		config[count++] =
			(struct kproperty){ "unclean.leader.election.enable",
			                    "false" };
	}
	topic.config_count = count;
	if (!checking->options->dry_run) {
		code = kcluster_create_topic(checking->kafka, &topic,
		                             TIMEOUT_MS, err);
		if (code == ERR_CONFLICT) /* somebody was faster */
			return ERR_OK;
		if (code != ERR_OK)
			return err_context(err, "cannot create topic %s on %s",
			                   wanted->topic,
			                   checking->cluster->name);
	}
	text_addf(checking->lines,
	          "+ topic %s/%s (partitions %d, replicas %d)\n",
	          checking->cluster->name, wanted->topic, wanted->partitions,
	          topic.replication_factor);
	return ERR_OK;
}

static void
check_bytes(struct checking *checking, const struct wanted *wanted)
{
	char value[64], what[512];
	struct err err;

	if (wanted->body_bytes_max == 0 || checking->has_no_config)
		return;
	if (kcluster_topic_config(
		    checking->kafka, wanted->topic, "max.message.bytes",
		    checking->is_development ? DEVELOPMENT_MS : TIMEOUT_MS,
		    value, sizeof(value), &err) != ERR_OK) {
		checking->has_no_config = true;
		warn(checking, "cannot be asked for max.message.bytes",
		     err.text);
		return;
	}
	if (value[0] && atoll(value) < wanted->body_bytes_max) {
		snprintf(what, sizeof(what),
		         "max.message.bytes is %s, but the feed takes bodies "
		         "of %lld bytes: the larger ones would be parked",
		         value, (long long)wanted->body_bytes_max);
		warn(checking, wanted->topic, what);
	}
}

static enum err_code
check_topic(struct checking *checking, const struct wanted *wanted,
            struct err *err)
{
	struct kcluster_topic found;
	enum err_code code;

	if (checking->is_down)
		return ERR_OK;
	code = kcluster_describe_topic(checking->kafka, wanted->topic,
	                               TIMEOUT_MS, &found, err);
	if (code == ERR_KAFKA_TOPIC && checking->options->create)
		return create_topic(checking, wanted, err);
	if (code == ERR_KAFKA_TOPIC) {
		warn(checking, wanted->topic,
		     "there is no such topic; --create-topics makes it");
		return ERR_OK;
	}
	if (code != ERR_OK && checking->options->create)
		return err_context(err, "cluster %s", checking->cluster->name);
	if (code != ERR_OK) {
		checking->is_down = true;
		warn(checking, "its topics are not checked", err->text);
		return ERR_OK;
	}
	if (found.partition_count != wanted->partitions)
		text_addf(&checking->faults,
		          "%scluster %s: topic %s has %d partitions, the "
		          "catalogue says %d",
		          checking->faults.len ? "\n" : "",
		          checking->cluster->name, wanted->topic,
		          found.partition_count, wanted->partitions);
	if (found.leaderless_count > 0)
		warn(checking, wanted->topic,
		     "some of its partitions have no leader");
	check_bytes(checking, wanted);
	return ERR_OK;
}

/* -- topics of a cluster --------------------------------------------------- */

static enum err_code
check_feed(struct checking *checking, const struct manifest_feed *feed,
           struct err *err)
{
	struct wanted input = { feed->input_topic, (int)feed->partitions, 0,
		                false };
	struct wanted output = { feed->output_topic, (int)feed->partitions,
		                 feed->message_bytes_max, false };
	struct wanted dead = { feed->dead_letter_topic,
		               (int)feed->dead_letter_partitions,
		               feed->message_bytes_max, false };

	if (strcmp(feed->input_cluster, checking->cluster->name) == 0) {
		/* Whoever makes it wants to be able to use it up to its end. */
		if (checking->options->create)
			input.body_bytes_max = feed->message_bytes_max;
		if (check_topic(checking, &input, err) != ERR_OK)
			return err->code;
	}
	if (!manifest_feed_goes_to(feed, checking->cluster))
		return ERR_OK;
	if (check_topic(checking, &output, err) != ERR_OK)
		return err->code;
	return check_topic(checking, &dead, err);
}

static enum err_code
check_progress(struct checking *checking, struct err *err)
{
	const struct topic_setup_options *options = checking->options;
	const struct manifest_deployment *wanted =
		options->manifest->deployment;
	char name[PROGRESS_NAME_MAX];
	struct wanted progress = { .topic = name, .is_progress = true };

	if (!manifest_cluster_has_role(checking->cluster, "output") ||
	    (wanted == NULL && options->current == NULL))
		return ERR_OK;
	snprintf(name, sizeof(name), "waybill.%s.progress",
	         wanted ? wanted->name : options->current->name);
	progress.partitions =
		wanted ? (int)wanted->lanes : options->current->lanes;
	return check_topic(checking, &progress, err);
}

static enum err_code
check_cluster(struct checking *checking, struct err *err)
{
	const struct manifest *manifest = checking->options->manifest;
	enum err_code code;

	checking->is_down = checking->has_no_config = false;
	code = open_cluster(checking, err);
	forget_secrets(checking);
	if (code != ERR_OK && !checking->options->create) {
		warn(checking, "its topics are not checked", err->text);
		return ERR_OK;
	}
	for (size_t i = 0; i < manifest->feed_count && code == ERR_OK; i++)
		code = check_feed(checking, &manifest->feeds[i], err);
	if (code == ERR_OK)
		code = check_progress(checking, err);
	kcluster_close(&checking->kafka);
	return code;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
topic_setup_run(const struct topic_setup_options *options,
                struct text *out_lines, struct text *out_warnings,
                struct err *err)
{
	const struct manifest *manifest = options->manifest;
	struct checking *checking = memory_calloc(1, sizeof(*checking));
	enum err_code code = ERR_OK;

	checking->options = options;
	checking->lines = out_lines;
	checking->warnings = out_warnings;
	checking->is_development = manifest->deployment
		? manifest->deployment->durability == 1
		: options->current ? options->current->development
				   : false;
	text_init(&checking->faults, ERR_TEXT_MAX);
	for (size_t i = 0; i < manifest->cluster_count && code == ERR_OK; i++) {
		checking->cluster = &manifest->clusters[i];
		code = check_cluster(checking, err);
	}
	if (code == ERR_OK && checking->faults.len > 0)
		code = err_set(err, ERR_KAFKA_TOPIC, "%s",
		               text_string(&checking->faults));
	text_fini(&checking->faults);
	memory_free(&checking);
	return code;
}
