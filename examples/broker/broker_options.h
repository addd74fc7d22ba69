/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What the embedded broker is asked to be: clusters, each with a number of
 * brokers and topics, from the command line and topic files.  Everything is
 * in fixed arrays with named maxima; nothing needs freeing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	BROKER_CLUSTERS_MAX = 4,
	BROKER_BROKERS_MAX = 16,
	BROKER_TOPICS_MAX = 256,
	BROKER_PARTITIONS_MAX = 1000,
	BROKER_NAME_BYTES_MAX = 249, /* Kafka's own limit of a topic name */
};

struct broker_topic {
	char name[BROKER_NAME_BYTES_MAX + 1];
	int partitions;
};

struct broker_cluster {
	char name[BROKER_NAME_BYTES_MAX + 1]; /* empty where none is given */
	int brokers;
	size_t topics_count;
	struct broker_topic topics[BROKER_TOPICS_MAX];
};

struct broker_options {
	size_t clusters_count;
	struct broker_cluster clusters[BROKER_CLUSTERS_MAX];
	const char *address_file; /* null: standard output only */
	bool with_parent;
	bool help;
};

/*
 * Reads the command line.  Returns false and fills out_text (of text_size
 * bytes) with what is wrong and where.
 */
bool
broker_options_parse(struct broker_options *options, int argc,
                     char *const *argv, char *out_text, size_t text_size);
