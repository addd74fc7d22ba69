/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One value of a setting: from text, to text, freed. For setting.c and
 * setting_print.c only. member points at the setting's place in the target.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct setting;
struct text;

/* Sets the member to nothing at all, so that it may be released. */
void
setting_value_clear(const struct setting *setting, void *member);

void
setting_value_release(const struct setting *setting, void *member);

/* Fills a cleared member from a text. False: *out_reason says what the value
   must be, and never what it is. */
bool
setting_value_parse(const struct setting *setting, const char *from,
                    void *member, struct text *out_reason);

/* From the setting's default, which is known to be right. */
void
setting_value_parse_standard(const struct setting *setting, void *member);

/* For lists and properties, whose items come one by one. */
void
setting_value_add_item(void *member, const char *item);
void
setting_value_add_property(void *member, const char *name, const char *value);
bool
setting_value_check_count(const struct setting *setting, size_t count,
                          struct text *out_reason);

/* "5s", "64kB", "4": as it would be written in a file. */
void
setting_value_print_number(const struct setting *setting, int64_t number,
                           struct text *out);

/* "1 to 64", "at least 1s": nothing where it is unbounded. */
void
setting_value_print_range(const struct setting *setting, struct text *out);
