/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * waybill tail: the newest messages.
 */
#include "gateway/look/look.h"

extern const struct look_command tail_command;
