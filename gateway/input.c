/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Consumers by the name of their cluster and what they were opened with. One
 * whose cluster is configured anew stays until the end: messages that are on
 * their way to Kafka may be in its memory.
 */
#include "gateway/input.h"

#include <stdio.h>
#include <string.h>

#include "base/io/kconsumer.h"
#include "base/model/deployment.h"
#include "base/runtime/digest.h"
#include "base/runtime/memory.h"
#include "base/runtime/thread.h"

#define INPUT_CONSUMERS_MAX 32

struct input {
	struct thread_lock lock;
	size_t count;
	struct {
		char *cluster;
		uint8_t digest[DIGEST_SHA256_LEN];
		struct kconsumer *consumer;
	} opened[INPUT_CONSUMERS_MAX];
};

static enum err_code
open_consumer(struct input *input, const struct cluster *cluster,
              const char *deployment, struct kconsumer **out, struct err *err)
{
	struct kproperty properties[65];
	char group[256];
	struct kcluster_options options = {
		.name = cluster->name,
		.bootstrap = cluster->bootstrap,
		.client_id = "waybill",
		.properties = properties,
	};
	size_t count = 0;

	if (input->count == INPUT_CONSUMERS_MAX)
		return err_set(err, ERR_FULL,
		               "this daemon has opened %d input clusters since "
		               "it was started, each change counted: start it "
		               "again to read from %s",
		               INPUT_CONSUMERS_MAX, cluster->name);
	snprintf(group, sizeof(group), "waybill.%s", deployment);
	properties[count++] = (struct kproperty){ "group.id", group };
	for (size_t i = 0; i < cluster->property_count && count < 65; i++)
		properties[count++] = cluster->properties[i];
	options.property_count = count;
	if (kconsumer_open(&options, true, out, err) != ERR_OK)
		return err->code;
	input->opened[input->count].cluster = memory_strdup(cluster->name);
	memcpy(input->opened[input->count].digest, cluster->digest,
	       sizeof(cluster->digest));
	input->opened[input->count].consumer = *out;
	input->count++;
	return ERR_OK;
}

/* -- public ---------------------------------------------------------------- */

struct input *
input_new(void)
{
	struct input *input = memory_calloc(1, sizeof(*input));

	thread_lock_init(&input->lock, THREAD_RANK_LANE);
	return input;
}

void
input_free(struct input **handle)
{
	struct input *input = *handle;

	*handle = NULL;
	if (input == NULL)
		return;
	for (size_t i = 0; i < input->count; i++) {
		kconsumer_close(&input->opened[i].consumer);
		memory_release(input->opened[i].cluster);
	}
	thread_lock_fini(&input->lock);
	memory_release(input);
}

enum err_code
input_consumer(struct input *input, const struct cluster *cluster,
               const char *deployment, struct kconsumer **out, struct err *err)
{
	enum err_code code = ERR_OK;
	size_t i = 0;

	thread_lock(&input->lock);
	while (i < input->count &&
	       (strcmp(input->opened[i].cluster, cluster->name) != 0 ||
	        memcmp(input->opened[i].digest, cluster->digest,
	               sizeof(cluster->digest)) != 0))
		i++;
	if (i < input->count)
		*out = input->opened[i].consumer;
	else
		code = open_consumer(input, cluster, deployment, out, err);
	thread_unlock(&input->lock);
	return code;
}
