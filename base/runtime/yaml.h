/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * YAML documents as trees that remember their lines (libyaml underneath,
 * included in yaml.c only). Aliases, duplicate keys and depth over 32 are
 * refused. For configuration and catalogues.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/runtime/err.h"

struct yaml; /* one node */

enum yaml_type { YAML_SCALAR, YAML_LIST, YAML_MAP };

/* All documents of a file, as one YAML_LIST. Errors: "FILE:LINE: text". */
enum err_code
yaml_load_file(const char *path, struct yaml **out,
               struct err *err) ERR_MUST_CHECK;
enum err_code
yaml_load_text(const char *name, const char *bytes, size_t len,
               struct yaml **out, struct err *err) ERR_MUST_CHECK;
/* Linked under another name: libyaml has a yaml_free that it calls itself. */
void
yaml_free(struct yaml **root) __asm__("yaml_own_free");

enum yaml_type
yaml_type(const struct yaml *node);
const char *
yaml_file(const struct yaml *node);
int
yaml_line(const struct yaml *node); /* from 1 */
const char *
yaml_scalar(const struct yaml *node); /* NULL: not a scalar */
bool
yaml_is_null(const struct yaml *node); /* plain ~, null or empty */

size_t
yaml_count(const struct yaml *node);
const struct yaml *
yaml_at(const struct yaml *node, size_t index);
const struct yaml *
yaml_get(const struct yaml *map, const char *key); /* NULL: absent */
const char *
yaml_key_at(const struct yaml *map, size_t index);
int
yaml_key_line_at(const struct yaml *map, size_t index);
const struct yaml *
yaml_value_at(const struct yaml *map, size_t index);
