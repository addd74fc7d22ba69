/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Named points at which a test build dies at once, as by kill -9. All points
 * stand in crash_points.def, in the order of the road. The environment
 * variable WAYBILL_CRASH=POINT:COUNT[:MARKER] makes the COUNT-th passing of
 * POINT write POINT into the file MARKER (synced) and SIGKILL the process.
 * Without --enable-crash-points nothing of this is compiled in.
 */
enum crash_point {
#define CRASH_POINT(name, text) CRASH_##name,
#include "base/runtime/crash_points.def"
#undef CRASH_POINT
	CRASH_POINT_COUNT
};

#ifdef WAYBILL_CRASH_POINTS
void
crash_at(enum crash_point point);
#else
static inline void
crash_at(enum crash_point point)
{
	(void)point;
}
#endif

/* For --print-crash-points: NULL beyond the last, or where not compiled in. */
const char *
crash_point_name(int index);
const char *
crash_point_text(int index);
