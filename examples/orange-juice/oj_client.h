/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What both the producer and the consumer do with librdkafka: options for a
 * handle, and the partition counts of topics.
 */
#pragma once

#include <librdkafka/rdkafka.h>

#include "examples/orange-juice/oj_err.h"

enum { OJ_CLIENT_PROPERTIES_MAX = 64 };

struct oj_client_properties {
	size_t count;
	const char *names[OJ_CLIENT_PROPERTIES_MAX];
	const char *values[OJ_CLIENT_PROPERTIES_MAX];
};

bool
oj_client_properties_add(struct oj_client_properties *properties,
                         const char *name, const char *value,
                         struct oj_err *err);

/* "NAME=VALUE"; the text is cut in two and kept. */
bool
oj_client_properties_add_text(struct oj_client_properties *properties,
                              char *text, struct oj_err *err);

/*
 * A handle with these properties, later ones winning.  conf is taken, whatever
 * happens.
 */
rd_kafka_t *
oj_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf,
              const struct oj_client_properties *properties,
              struct oj_err *err);

/* The number of partitions of a topic; an error where there is no such. */
bool
oj_client_partitions(rd_kafka_t *client, const char *topic, int timeout_ms,
                     int32_t *out_partitions, struct oj_err *err);
