/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * waybill history: what happened to a message, found by its id, its key,
 * where it came from, where it went, or when it was recorded.
 */

#include "gateway/look/look.h"

extern const struct look_command history_command;
