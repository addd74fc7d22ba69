/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which Waybill this is: what --version prints and what answers and metrics
 * carry.
 */

/* The version of this build, such as "0.1.0"; a constant. */
const char *
version_string(void);
