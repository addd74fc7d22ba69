/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The stages of one lane, each with its context. The recorder's thread.
 */
#include <stddef.h>

#include "base/runtime/err.h"

struct batch;
struct daemon_config;
struct deployment;
struct journal;
struct stage;

#define LANE_STAGES_MAX 8

struct lane_stages {
	const struct stage *const *stages; /* NULL-terminated */
	void *contexts[LANE_STAGES_MAX];
};

void
lane_stages_init(struct lane_stages *stages, const struct stage *const *list);
void
lane_stages_fini(struct lane_stages *stages);

/* Stages know what is recorded, and nothing else, before they judge. */
enum err_code
lane_stages_load(struct lane_stages *stages, struct journal *journal,
                 const struct deployment *deployment,
                 struct err *err) ERR_MUST_CHECK;

/* Gives each message of a gathered batch its verdict, and groups it. Parts of
   submissions that a stage had no room for are refused: where nothing is left
   the batch is freed. */
enum err_code
lane_stages_judge(struct lane_stages *stages, struct batch **batch,
                  const struct daemon_config *config,
                  struct err *err) ERR_MUST_CHECK;

/* The batch was sent. */
void
lane_stages_numbered(struct lane_stages *stages, const struct batch *batch);
