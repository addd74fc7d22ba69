/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * waybill status: the state of the whole deployment on one page.
 */
#include "gateway/look/look.h"

extern const struct look_command status_command;
