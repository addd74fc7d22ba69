/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The topics that a manifest names, as its clusters have them: made where
 * they are missing and that was asked for, else looked at.
 */
#include <stdbool.h>

#include "base/runtime/err.h"

struct deployment;
struct manifest;
struct text;

struct topic_setup_options {
	const struct manifest *manifest;
	const struct deployment *current; /* NULL: nothing is applied yet */
	bool create;                      /* make what is missing */
	bool dry_run;                     /* but only say so */
};

/*
 * out_lines: "+ topic CLUSTER/TOPIC ...", one a line. out_warnings: what a
 * person should know, one a line. ERR_KAFKA_TOPIC: a topic has another
 * partition count than its feed; one a line. ERR_KAFKA, ERR_KAFKA_DOWN: topics
 * were to be made and could not be.
 */
enum err_code
topic_setup_run(const struct topic_setup_options *options,
                struct text *out_lines, struct text *out_warnings,
                struct err *err) ERR_MUST_CHECK;
