/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of topics by name.
 */
#include "gateway/topic_check.h"

#include <stdio.h>
#include <string.h>

#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/runtime/clock.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "gateway/progress.h"

#define REMEMBER_US         (10 * 1000000)
#define REMEMBER_BAD_US     (1 * 1000000)
#define PROGRESS_TIMEOUT_MS 10000
#define ASK_TIMEOUT_MS      5000

struct topic_memory {
	char *topic;
	int64_t asked_us;
	enum err_code code;
	char text[256];
	struct kcluster_topic seen;
	bool told_growth;
};

struct topic_check {
	struct kcluster *cluster;
	struct topic_memory *memory;
	size_t count;
};

static struct topic_memory *
recall(struct topic_check *check, const char *topic)
{
	struct topic_memory *fresh;

	for (size_t i = 0; i < check->count; i++) {
		if (strcmp(check->memory[i].topic, topic) == 0)
			return &check->memory[i];
	}
	check->memory = memory_realloc(check->memory,
	                               (check->count + 1) * sizeof(*fresh));
	fresh = &check->memory[check->count++];
	memset(fresh, 0, sizeof(*fresh));
	fresh->topic = memory_strdup(topic);
	fresh->asked_us = -REMEMBER_US * 2;
	return fresh;
}

static void
ask(struct topic_check *check, struct topic_memory *m)
{
	struct err err = { .code = ERR_OK };

	m->code = kcluster_describe_topic(check->cluster, m->topic,
	                                  ASK_TIMEOUT_MS, &m->seen, &err);
	m->asked_us = clock_now_us();
	if (m->code != ERR_OK)
		snprintf(m->text, sizeof(m->text), "%.255s", err.text);
	else
		m->text[0] = '\0';
}

/* Of a feed's topics; the progress topic has a partition for each lane. */
static void
tell_growth(struct topic_check *check, const char *topic, int partitions)
{
	const struct log_scope scope = LOG_SCOPE("forward");
	struct topic_memory *m = recall(check, topic);

	if (m->seen.partition_count <= partitions || m->told_growth)
		return;
	m->told_growth = true;
	log_warn(&scope,
	         "topic %s has %d partitions, the catalogue says %d: the "
	         "others stay empty",
	         m->topic, m->seen.partition_count, partitions);
}

static enum err_code
judge(struct topic_memory *m, int partitions, uint64_t mask, struct err *err)
{
	if (m->code == ERR_KAFKA_TOPIC)
		return err_set(err, ERR_KAFKA_TOPIC, "%s", m->text);
	if (m->code != ERR_OK)
		return err_set(err, ERR_KAFKA, "%s", m->text);
	if (m->seen.partition_count < partitions)
		return err_set(err, ERR_KAFKA_TOPIC,
		               "topic %s has %d partitions, the catalogue "
		               "says %d",
		               m->topic, m->seen.partition_count, partitions);
	for (int i = 0;
	     i < m->seen.leaderless_count && i < KCLUSTER_LEADERLESS_MAX; i++) {
		if (mask >> (m->seen.leaderless[i] % 64) & 1)
			return err_set(err, ERR_KAFKA,
			               "partition %d of topic %s has no leader",
			               m->seen.leaderless[i], m->topic);
	}
	return ERR_OK;
}

/* Which partitions of a feed's topics the batches touch. */
static uint64_t
touched(struct batch *const *batches, size_t count, const struct feed *feed,
        bool dead_letter)
{
	uint64_t mask = 0;

	for (size_t b = 0; b < count; b++) {
		for (size_t i = 0; i < batches[b]->block_count; i++) {
			const struct block *block = &batches[b]->blocks[i];
			const struct message *m =
				&batches[b]->messages[block->first];

			if (block->feed != feed)
				continue;
			for (size_t k = 0; k < block->count; k++) {
				int p = m[k].partition;
				bool is_dead = m[k].verdict != VERDICT_ACCEPTED;

				if (!message_leaves(&m[k]))
					continue;
				if (is_dead)
					p %= feed->dead_letter_partitions;
				if (is_dead == dead_letter)
					mask |= 1ull << (p % 64);
			}
		}
	}
	return mask;
}

/* -- public ---------------------------------------------------------------- */

struct topic_check *
topic_check_new(struct kcluster *cluster)
{
	struct topic_check *check = memory_calloc(1, sizeof(*check));

	check->cluster = cluster;
	return check;
}

void
topic_check_free(struct topic_check **handle)
{
	struct topic_check *check = *handle;

	*handle = NULL;
	if (check == NULL)
		return;
	for (size_t i = 0; i < check->count; i++)
		memory_release(check->memory[i].topic);
	memory_release(check->memory);
	memory_release(check);
}

enum err_code
topic_check_ask(struct topic_check *check, const char *topic, int partitions,
                uint64_t partition_mask, bool again, struct err *err)
{
	struct topic_memory *m = recall(check, topic);
	int64_t age = clock_now_us() - m->asked_us;
	bool is_bad = m->code != ERR_OK || m->seen.leaderless_count > 0;

	if (again || age > (is_bad ? REMEMBER_BAD_US : REMEMBER_US))
		ask(check, m);
	return judge(m, partitions, partition_mask, err);
}

enum err_code
topic_check_feed(struct topic_check *check, const struct feed *feed,
                 struct batch *const *batches, size_t count, struct err *err)
{
	uint64_t output = touched(batches, count, feed, false);
	uint64_t dead = touched(batches, count, feed, true);
	enum err_code code = ERR_OK;

	if (output != 0)
		code = topic_check_ask(check, feed->output_topic,
		                       feed->partitions, output, false, err);
	if (code == ERR_OK && dead != 0) {
		code = topic_check_ask(check, feed->dead_letter_topic,
		                       feed->dead_letter_partitions, dead,
		                       false, err);
		/* Without its dead letters a feed is parked, not the lane
		   stalled. */
		if (code == ERR_KAFKA)
			code = err->code = ERR_KAFKA_TOPIC;
	}
	if (code == ERR_OK && output != 0)
		tell_growth(check, feed->output_topic, feed->partitions);
	if (code == ERR_OK && dead != 0)
		tell_growth(check, feed->dead_letter_topic,
		            feed->dead_letter_partitions);
	return code;
}

/* A deployment for production wants what keeps the progress record safe. */
enum err_code
topic_check_progress(struct kcluster *cluster,
                     const struct deployment *deployment, struct err *err)
{
	char topic[PROGRESS_TOPIC_MAX], policy[64] = "", isr[16] = "";
	char unclean[16] = "";
	enum err_code code;
	struct kcluster_topic seen;

	progress_topic(deployment->name, topic);
	code = kcluster_describe_topic(cluster, topic, PROGRESS_TIMEOUT_MS,
	                               &seen, err);
	if (code == ERR_KAFKA_TOPIC)
		return err_context(err,
		                   "waybill apply --create-topics makes "
		                   "the topic of progress records");
	if (code != ERR_OK)
		return code;
	if (seen.partition_count < deployment->lanes)
		return err_set(err, ERR_KAFKA_TOPIC,
		               "topic %s has %d partitions, one for each of "
		               "%d lanes is needed",
		               topic, seen.partition_count, deployment->lanes);
	if (deployment->development)
		return ERR_OK;
	if (kcluster_topic_config(cluster, topic, "cleanup.policy",
	                          PROGRESS_TIMEOUT_MS, policy, sizeof(policy),
	                          err) != ERR_OK ||
	    kcluster_topic_config(cluster, topic, "min.insync.replicas",
	                          PROGRESS_TIMEOUT_MS, isr, sizeof(isr),
	                          err) != ERR_OK ||
	    kcluster_topic_config(cluster, topic,
	                          "unclean.leader.election.enable",
	                          PROGRESS_TIMEOUT_MS, unclean, sizeof(unclean),
	                          err) != ERR_OK)
		return err->code;
	if (seen.replication_factor < 3 || strcmp(policy, "compact") != 0 ||
	    strcmp(isr, "1") == 0 || strcmp(unclean, "true") == 0)
		return err_set(
			err, ERR_KAFKA_TOPIC,
			"topic %s has replication %d, cleanup.policy %s, "
			"min.insync.replicas %s, "
			"unclean.leader.election.enable %s: production wants "
			"3, compact, 2, false (or durability: development)",
			topic, seen.replication_factor, policy, isr, unclean);
	return ERR_OK;
}
