/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * waybill unpark: a person has mended why a feed was parked.
 */
#include "gateway/look/look.h"

extern const struct look_command unpark_command;
