/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Parameters of a query, strictly: one that an endpoint does not know, that
 * comes twice, or that is not well-formed refuses the request, since a
 * parameter that is silently dropped changes what was asked.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct arena;

/*
 * out_values: as many as names; NULL: it is not there. Values are UTF-8 without
 * NUL, in the arena. ERR_USAGE, with a text for the client.
 */
enum err_code
argument_read(const char *query, const char *const *names, size_t count,
              struct arena *arena, const char **out_values,
              struct err *err) ERR_MUST_CHECK;

/* A number in decimal, of a parameter or header that is there. ERR_USAGE. */
enum err_code
argument_integer(const char *name, const char *value, int64_t min, int64_t max,
                 int64_t *out, struct err *err) ERR_MUST_CHECK;
