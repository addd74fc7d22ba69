/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * waybill key: makes, changes, lists and revokes API keys. The secret of a
 * new key is printed once, to standard output alone, and is nowhere else:
 * Postgres gets its SHA-256.
 */
#include "gateway/look/look.h"

/* For completion. */
#define KEY_MANAGE_STEPS "create rotate scopes list revoke"

extern const struct look_command key_manage_command;
