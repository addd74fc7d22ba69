/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Faults of a manifest, collected with their places; and what its parts say
 * about each other. For manifest.c.
 */
#include "base/runtime/err.h"
#include "base/runtime/text.h"

struct deployment;
struct deployment_contracts;
struct manifest;
struct yaml;

#define MANIFEST_FAULTS_MAX 20

struct manifest_check {
	struct text faults;
	int count;
};

void
manifest_check_init(struct manifest_check *check);

void
manifest_check_fini(struct manifest_check *check);

/* A whole line, or several. */
void
manifest_check_add(struct manifest_check *check, const char *lines);

/* "FILE:LINE: KEY: what"; the line of the key where the map has it. */
void
manifest_check_fault(struct manifest_check *check, const struct yaml *node,
                     const char *key, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Replaces ${NAME} in *value from the environment. */
void
manifest_check_expand(struct manifest_check *check, const struct yaml *node,
                      const char *key, char **value);

/* Names, references between parts, topics, contracts; prune: topics of feeds
   that are not in the files are free. */
void
manifest_check_all(struct manifest_check *check,
                   const struct manifest *manifest,
                   const struct deployment_contracts *contracts,
                   const struct deployment *current, bool prune);

/* ERR_CONFIG with all faults; ERR_OK without one. */
enum err_code
manifest_check_result(const struct manifest_check *check,
                      struct err *err) ERR_MUST_CHECK;
