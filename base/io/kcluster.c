/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster seen from outside the data path. Two clients at most: one reads
 * uncommitted and does all the rest, the other one, opened when it is first
 * wanted, reads committed.
 */
#include "base/io/kcluster.h"

#include <stdio.h>
#include <string.h>

#include "base/io/klib.h"
#include "base/io/kreader.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/memory.h"

#define KCLUSTER_MAGIC        0x6b636c75u
#define KCLUSTER_SEEN_STEP_MS 20
#define KCLUSTER_PROBE_MS     1000
#define KCLUSTER_REASON_MAX   512

struct kcluster {
	uint32_t magic;
	struct klib uncommitted;
	struct klib committed;           /* rk NULL: not opened yet */
	char *id;                        /* librdkafka's; NULL: not asked yet */
	struct kcluster_options options; /* copies */
};

/* -- options, kept for the second client ---------------------------------- */

static void
options_copy(struct kcluster_options *to, const struct kcluster_options *from)
{
	struct kproperty *properties =
		memory_calloc(from->property_count + 1, sizeof(*properties));

	CHECK(from->name != NULL && from->bootstrap != NULL);
	to->name = memory_strdup(from->name);
	to->bootstrap = memory_strdup(from->bootstrap);
	if (from->client_id != NULL)
		to->client_id = memory_strdup(from->client_id);
	for (size_t i = 0; i < from->property_count; i++) {
		properties[i].name = memory_strdup(from->properties[i].name);
		properties[i].value = memory_strdup(from->properties[i].value);
	}
	to->properties = properties;
	to->property_count = from->property_count;
}

static void
options_free(struct kcluster_options *options)
{
	for (size_t i = 0; i < options->property_count; i++) {
		memory_release((void *)options->properties[i].name);
		memory_release((void *)options->properties[i].value);
	}
	memory_release((void *)options->properties);
	memory_release((void *)options->name);
	memory_release((void *)options->bootstrap);
	memory_release((void *)options->client_id);
}

static enum err_code
client_open(struct klib *klib, const struct kcluster_options *options,
            bool committed, struct err *err)
{
	const struct kproperty own[] = {
		{ "isolation.level",
		  committed ? "read_committed" : "read_uncommitted" },
	};

	return klib_open(klib, KLIB_READER, options, own,
	                 sizeof(own) / sizeof(own[0]), 0, err);
}

static enum err_code
client_take(struct kcluster *cluster, bool committed, struct klib **out,
            struct err *err)
{
	CHECK_MAGIC(cluster, KCLUSTER_MAGIC);
	if (committed && cluster->committed.rk == NULL &&
	    client_open(&cluster->committed, &cluster->options, true, err) !=
	            ERR_OK)
		return err->code;
	*out = committed ? &cluster->committed : &cluster->uncommitted;
	return ERR_OK;
}

/* A wait for an answer that did not come means that nobody answers. */
static enum err_code
down_if_timeout(struct err *err)
{
	if (err->code == ERR_TIMEOUT)
		err->code = ERR_KAFKA_DOWN;
	return err->code;
}

/* -- topics --------------------------------------------------------------- */

static void
describe(const rd_kafka_metadata_topic_t *topic, struct kcluster_topic *out)
{
	memset(out, 0, sizeof(*out));
	out->partition_count = topic->partition_cnt;
	for (int i = 0; i < topic->partition_cnt; i++) {
		const rd_kafka_metadata_partition_t *partition =
			&topic->partitions[i];

		if (i == 0 || partition->replica_cnt < out->replication_factor)
			out->replication_factor = partition->replica_cnt;
		if (partition->leader >= 0)
			continue;
		if (out->leaderless_count < KCLUSTER_LEADERLESS_MAX)
			out->leaderless[out->leaderless_count] =
				(int)partition->id;
		out->leaderless_count++;
	}
}

static enum err_code
describe_topic(struct kcluster *cluster, const char *name, int64_t timeout_ms,
               struct kcluster_topic *out, struct err *err)
{
	const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_topic_t *rkt;
	rd_kafka_resp_err_t error;

	rkt = rd_kafka_topic_new(cluster->uncommitted.rk, name, NULL);
	if (rkt == NULL)
		return klib_err(err, rd_kafka_last_error(), "topic %s", name);
	error = rd_kafka_metadata(cluster->uncommitted.rk, 0, rkt, &metadata,
	                          klib_timeout(timeout_ms));
	rd_kafka_topic_destroy(rkt);
	rd_kafka_poll(cluster->uncommitted.rk, 0);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
		(void)klib_err(err, error, "cluster %s: topic %s",
		               cluster->options.name, name);
		return down_if_timeout(err);
	}
	if (metadata->topic_cnt != 1)
		error = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	else
		error = metadata->topics[0].err;
	/* The topic is there, a leader is not: that is told a partition. */
	if (error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE &&
	    metadata->topics[0].partition_cnt > 0)
		error = RD_KAFKA_RESP_ERR_NO_ERROR;
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		(void)klib_err(err, error, "cluster %s: topic %s",
		               cluster->options.name, name);
	else
		describe(&metadata->topics[0], out);
	rd_kafka_metadata_destroy(metadata);
	return error != RD_KAFKA_RESP_ERR_NO_ERROR ? err->code : ERR_OK;
}

/* -- administration ------------------------------------------------------- */

/* Options for one request; the answer comes to a queue of its own. */
static rd_kafka_AdminOptions_t *
admin_options(struct kcluster *cluster, rd_kafka_admin_op_t op,
              int64_t timeout_ms)
{
	char reason[KCLUSTER_REASON_MAX];
	rd_kafka_AdminOptions_t *options =
		rd_kafka_AdminOptions_new(cluster->uncommitted.rk, op);
	int timeout = klib_timeout(timeout_ms);

	/* librdkafka knows 1 s and more only here; we wait as long as told. */
	(void)rd_kafka_AdminOptions_set_request_timeout(
		options, timeout < 1000 ? 1000 : timeout, reason,
		sizeof(reason));
	if (op == RD_KAFKA_ADMIN_OP_CREATETOPICS)
		(void)rd_kafka_AdminOptions_set_operation_timeout(
			options, timeout, reason, sizeof(reason));
	return options;
}

/* librdkafka waits for a broker that knows the request: no answer is either no
   broker, or brokers that do not (the embedded one). */
static enum err_code
admin_unanswered(struct kcluster *cluster, const char *what, struct err *err)
{
	const struct rd_kafka_metadata *metadata = NULL;

	if (rd_kafka_metadata(cluster->uncommitted.rk, 0, NULL, &metadata,
	                      KCLUSTER_PROBE_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return err_set(err, ERR_KAFKA_DOWN, "cluster %s: %s: no answer",
		               cluster->options.name, what);
	rd_kafka_metadata_destroy(metadata);
	return err_set(
		err, ERR_KAFKA,
		"cluster %s: %s: no answer, although there are brokers (does "
		"this one know the request?)",
		cluster->options.name, what);
}

static enum err_code
admin_wait(struct kcluster *cluster, rd_kafka_queue_t *queue,
           int64_t timeout_ms, const char *what, rd_kafka_event_t **out,
           struct err *err)
{
	rd_kafka_event_t *event =
		rd_kafka_queue_poll(queue, klib_timeout(timeout_ms));
	rd_kafka_resp_err_t error;

	rd_kafka_poll(cluster->uncommitted.rk, 0);
	if (event == NULL)
		return admin_unanswered(cluster, what, err);
	error = rd_kafka_event_error(event);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
		*out = event;
		return ERR_OK;
	}
	if (klib_code(error) == ERR_TIMEOUT) {
		rd_kafka_event_destroy(event);
		return admin_unanswered(cluster, what, err);
	}
	(void)err_set(err, klib_code(error), "cluster %s: %s: %s",
	              cluster->options.name, what,
	              rd_kafka_event_error_string(event));
	rd_kafka_event_destroy(event);
	return down_if_timeout(err);
}

static enum err_code
config_value(const rd_kafka_event_t *event, const char *topic, const char *name,
             char *out, size_t size, struct err *err)
{
	const rd_kafka_ConfigResource_t **resources;
	const rd_kafka_ConfigEntry_t **entries;
	size_t count;

	resources = rd_kafka_DescribeConfigs_result_resources(
		rd_kafka_event_DescribeConfigs_result(
			(rd_kafka_event_t *)event),
		&count);
	CHECK(count == 1);
	if (rd_kafka_ConfigResource_error(resources[0]) !=
	    RD_KAFKA_RESP_ERR_NO_ERROR)
		return klib_err(err,
		                rd_kafka_ConfigResource_error(resources[0]),
		                "topic %s: configuration", topic);
	if (size > 0)
		out[0] = '\0';
	entries = rd_kafka_ConfigResource_configs(resources[0], &count);
	for (size_t i = 0; i < count; i++) {
		const char *value = rd_kafka_ConfigEntry_value(entries[i]);

		if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
			snprintf(out, size, "%s", value != NULL ? value : "");
	}
	return ERR_OK;
}

static enum err_code
new_topic_of(const struct kcluster_new_topic *topic, rd_kafka_NewTopic_t **out,
             struct err *err)
{
	char reason[KCLUSTER_REASON_MAX];
	rd_kafka_NewTopic_t *new_topic = rd_kafka_NewTopic_new(
		topic->topic, topic->partition_count, topic->replication_factor,
		reason, sizeof(reason));

	if (new_topic == NULL)
		return err_set(err, ERR_KAFKA, "topic %s: %s", topic->topic,
		               reason);
	for (size_t i = 0; i < topic->config_count; i++) {
		rd_kafka_resp_err_t error = rd_kafka_NewTopic_set_config(
			new_topic, topic->config[i].name,
			topic->config[i].value);

		CHECK(error == RD_KAFKA_RESP_ERR_NO_ERROR);
	}
	*out = new_topic;
	return ERR_OK;
}

static enum err_code
created(const rd_kafka_event_t *event, const char *topic, struct err *err)
{
	const rd_kafka_topic_result_t **results;
	rd_kafka_resp_err_t error;
	size_t count;

	results = rd_kafka_CreateTopics_result_topics(
		rd_kafka_event_CreateTopics_result((rd_kafka_event_t *)event),
		&count);
	CHECK(count == 1);
	error = rd_kafka_topic_result_error(results[0]);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		return ERR_OK;
	return err_set(err,
	               klib_code(error) == ERR_CONFLICT ? ERR_CONFLICT
	                                                : ERR_KAFKA,
	               "topic %s: %s", topic,
	               rd_kafka_topic_result_error_string(results[0]));
}

/* A topic is made by the controller; brokers hear of it a little later. */
static enum err_code
wait_until_seen(struct kcluster *cluster, const char *topic,
                int64_t deadline_ms, struct err *err)
{
	struct kcluster_topic seen;
	enum err_code code;

	for (;;) {
		code = describe_topic(cluster, topic, klib_left_ms(deadline_ms),
		                      &seen, err);
		if (code == ERR_OK && seen.leaderless_count == 0)
			return ERR_OK;
		if (klib_left_ms(deadline_ms) == 0)
			return err_set(
				err, ERR_TIMEOUT,
				"topic %s is created, but has not all leaders "
				"yet",
				topic);
		clock_sleep_ms(KCLUSTER_SEEN_STEP_MS);
	}
}

/* -- public --------------------------------------------------------------- */

enum err_code
kcluster_open(const struct kcluster_options *options, struct kcluster **out,
              struct err *err)
{
	struct kcluster *cluster = memory_calloc(1, sizeof(*cluster));

	cluster->magic = KCLUSTER_MAGIC;
	options_copy(&cluster->options, options);
	if (client_open(&cluster->uncommitted, options, false, err) != ERR_OK) {
		kcluster_close(&cluster);
		return err->code;
	}
	*out = cluster;
	return ERR_OK;
}

void
kcluster_close(struct kcluster **out_cluster)
{
	struct kcluster *cluster = *out_cluster;

	if (cluster == NULL)
		return;
	CHECK_MAGIC(cluster, KCLUSTER_MAGIC);
	if (cluster->id != NULL)
		rd_kafka_mem_free(cluster->uncommitted.rk, cluster->id);
	klib_close(&cluster->committed);
	klib_close(&cluster->uncommitted);
	options_free(&cluster->options);
	cluster->magic = 0;
	memory_free(out_cluster);
}

enum err_code
kcluster_id(struct kcluster *cluster, int64_t timeout_ms, const char **out,
            struct err *err)
{
	CHECK_MAGIC(cluster, KCLUSTER_MAGIC);
	if (cluster->id == NULL)
		cluster->id = rd_kafka_clusterid(cluster->uncommitted.rk,
		                                 klib_timeout(timeout_ms));
	rd_kafka_poll(cluster->uncommitted.rk, 0);
	if (cluster->id == NULL)
		return err_set(
			err, ERR_KAFKA_DOWN,
			"cluster %s: no broker at %s told the cluster's id",
			cluster->options.name, cluster->options.bootstrap);
	*out = cluster->id;
	return ERR_OK;
}

enum err_code
kcluster_describe_topic(struct kcluster *cluster, const char *topic,
                        int64_t timeout_ms, struct kcluster_topic *out,
                        struct err *err)
{
	CHECK_MAGIC(cluster, KCLUSTER_MAGIC);
	return describe_topic(cluster, topic, timeout_ms, out, err);
}

enum err_code
kcluster_topic_config(struct kcluster *cluster, const char *topic,
                      const char *name, int64_t timeout_ms, char *out,
                      size_t size, struct err *err)
{
	rd_kafka_t *rk = cluster->uncommitted.rk;
	rd_kafka_ConfigResource_t *resource =
		rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	rd_kafka_AdminOptions_t *options = admin_options(
		cluster, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_event_t *event = NULL;
	enum err_code code;

	CHECK_MAGIC(cluster, KCLUSTER_MAGIC);
	rd_kafka_DescribeConfigs(rk, &resource, 1, options, queue);
	code = admin_wait(cluster, queue, timeout_ms, "configuration", &event,
	                  err);
	if (code == ERR_OK)
		code = config_value(event, topic, name, out, size, err);
	if (event != NULL)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_ConfigResource_destroy(resource);
	return code;
}

enum err_code
kcluster_create_topic(struct kcluster *cluster,
                      const struct kcluster_new_topic *topic,
                      int64_t timeout_ms, struct err *err)
{
	int64_t deadline_ms = klib_deadline_ms(timeout_ms);
	rd_kafka_t *rk = cluster->uncommitted.rk;
	rd_kafka_NewTopic_t *new_topic = NULL;
	rd_kafka_AdminOptions_t *options;
	rd_kafka_event_t *event = NULL;
	rd_kafka_queue_t *queue;
	enum err_code code;

	CHECK_MAGIC(cluster, KCLUSTER_MAGIC);
	if (new_topic_of(topic, &new_topic, err) != ERR_OK)
		return err->code;
	options = admin_options(cluster, RD_KAFKA_ADMIN_OP_CREATETOPICS,
	                        timeout_ms);
	queue = rd_kafka_queue_new(rk);
	rd_kafka_CreateTopics(rk, &new_topic, 1, options, queue);
	code = admin_wait(cluster, queue, timeout_ms, "creation of a topic",
	                  &event, err);
	if (code == ERR_OK)
		code = created(event, topic->topic, err);
	if (event != NULL)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_NewTopic_destroy(new_topic);
	if (code != ERR_OK)
		return code;
	return wait_until_seen(cluster, topic->topic, deadline_ms, err);
}

enum err_code
kcluster_watermarks(struct kcluster *cluster, const char *topic, int partition,
                    bool committed, int64_t timeout_ms, int64_t *out_low,
                    int64_t *out_high, struct err *err)
{
	struct klib *klib = NULL;

	if (client_take(cluster, committed, &klib, err) != ERR_OK)
		return err->code;
	return kreader_watermarks(klib, topic, partition, timeout_ms, out_low,
	                          out_high, err);
}

enum err_code
kcluster_read(struct kcluster *cluster, const char *topic, int partition,
              int64_t from, int64_t to, bool committed, int64_t timeout_ms,
              bool (*each)(const struct kmessage *message, void *context),
              void *context, struct err *err)
{
	const struct kreader_range range = {
		.topic = topic,
		.partition = partition,
		.from = from,
		.to = to,
		.each = each,
		.context = context,
	};
	struct klib *klib = NULL;

	if (client_take(cluster, committed, &klib, err) != ERR_OK)
		return err->code;
	return kreader_read(klib, &range, timeout_ms, err);
}

void
kcluster_print_reference(struct text *out)
{
	klib_print_reference(out);
}
