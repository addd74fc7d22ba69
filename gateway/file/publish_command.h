/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * waybill publish: a file, standard input or a single message to a feed, by
 * the REST interface of a daemon.
 */
#include "gateway/look/look.h"

/* Of every deployment: where messages go, and with which key. */
#define PUBLISH_COMMAND_KEY_VARIABLE "WAYBILL_API_KEY"
#define PUBLISH_COMMAND_URL_VARIABLE "WAYBILL_URL"

extern const struct look_command publish_command;
