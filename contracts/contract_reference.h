/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The page docs/reference/contracts.md, printed from the tables of annotations
 * and rules.
 */

struct text;

void
contract_reference_print(struct text *out);
