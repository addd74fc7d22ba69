/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * waybill lane: one lane in depth.
 */
#include "gateway/look/look.h"

extern const struct look_command lane_show_command;
