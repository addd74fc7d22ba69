/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of topics by name.
 */
#include "gateway/topic_check.h"

#include <stdio.h>
#include <string.h>

#include "base/runtime/clock.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"

#define REMEMBER_US     (10 * 1000000)
#define REMEMBER_BAD_US (1 * 1000000)
#define ASK_TIMEOUT_MS  5000

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

static enum err_code
judge(struct topic_memory *m, int partitions, uint64_t mask, struct err *err)
{
	const struct log_scope scope = LOG_SCOPE("forward");

	if (m->code == ERR_KAFKA_TOPIC)
		return err_set(err, ERR_KAFKA_TOPIC, "%s", m->text);
	if (m->code != ERR_OK)
		return err_set(err, ERR_KAFKA, "%s", m->text);
	if (m->seen.partition_count < partitions)
		return err_set(err, ERR_KAFKA_TOPIC,
		               "topic %s has %d partitions, the catalogue "
		               "says %d",
		               m->topic, m->seen.partition_count, partitions);
	if (m->seen.partition_count > partitions && !m->told_growth) {
		m->told_growth = true;
		log_warn(&scope,
		         "topic %s has %d partitions, the catalogue "
		         "says %d: the others stay empty",
		         m->topic, m->seen.partition_count, partitions);
	}
	for (int i = 0;
	     i < m->seen.leaderless_count && i < KCLUSTER_LEADERLESS_MAX; i++) {
		if (mask >> (m->seen.leaderless[i] % 64) & 1)
			return err_set(err, ERR_KAFKA,
			               "partition %d of topic %s has no leader",
			               m->seen.leaderless[i], m->topic);
	}
	return ERR_OK;
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
