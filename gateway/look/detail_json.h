/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One message as a JSON object, for programs. Members are never taken away,
 * only added.
 */

struct detail;
struct text;

void
detail_json(const struct detail *detail, struct text *out);
