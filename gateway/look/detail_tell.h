/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One message told as a person would tell it.
 */

struct detail;
struct table_style;
struct text;

void
detail_tell(const struct detail *detail, const struct table_style *style,
            struct text *out);
