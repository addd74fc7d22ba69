/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Values of JSON that hold no others, read and written; see jsonstate.h for
 * what true and false mean.
 */
#include <stdbool.h>
#include <stddef.h>

#include "contracts/jsonstate.h"

struct jsonplan_node;
struct schema_node;

#define JSONSCALAR_CHOICE_MAX 200

/* A string has been peeked at. out_good false: it is no text, which is told. */
bool
jsonscalar_take_string(struct jsonstate *state,
                       const struct contract_step *step,
                       struct jsontext_string *out, bool *out_good);

/* Length and text. out_len: of the text, which is written last; untouched if
   it is no text, which is told. */
bool
jsonscalar_put_string(struct jsonstate *state, const struct contract_step *step,
                      const struct jsontext_string *string, size_t *out_len);

/* The number of a name among a node's; where it has escapes, it is decoded.
   false: it is no text, which is told. */
bool
jsonscalar_find_name(struct jsonstate *state, const struct jsonplan_node *node,
                     const struct contract_step *step,
                     const struct jsontext_string *string, size_t *out);

/* "FRONT A, B, ...", cut where it gets long. */
void
jsonscalar_print_choice(char out[JSONSCALAR_CHOICE_MAX], const char *front,
                        const struct jsonplan_node *node);

bool
jsonscalar_read_string(struct jsonstate *state,
                       const struct contract_step *step);
/* fixed too */
bool
jsonscalar_read_bytes(struct jsonstate *state, const struct schema_node *node,
                      const struct contract_step *step);
bool
jsonscalar_read_enum(struct jsonstate *state, const struct jsonplan_node *node,
                     const struct contract_step *step);
bool
jsonscalar_read_integer(struct jsonstate *state,
                        const struct contract_step *step, bool is_int);
bool
jsonscalar_read_real(struct jsonstate *state, const struct contract_step *step,
                     bool is_float);
bool
jsonscalar_read_boolean(struct jsonstate *state,
                        const struct contract_step *step);
bool
jsonscalar_read_null(struct jsonstate *state, const struct contract_step *step);
