/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A time as clients write it: RFC 3339, or milliseconds since 1970.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOMENT_NONE (-1) /* as the journal has it */

/* False: it is neither. Fractions are cut to milliseconds; a leap second is the
   first moment of the next minute. */
bool
moment_parse(const char *text, size_t len, int64_t *out_ms);
