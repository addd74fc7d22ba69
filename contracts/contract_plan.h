/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a contract shows to this folder only.
 */
struct contract;
struct jsonplan;

const struct jsonplan *
contract_plan(const struct contract *contract);
