/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Dies at a named point. A wish that cannot be understood ends the program
 * too: a test whose crash silently never comes would prove nothing.
 */
#include "base/runtime/crash.h"

#include <stddef.h>

#ifdef WAYBILL_CRASH_POINTS

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/runtime/check.h"

static const struct {
	const char *name;
	const char *text;
} crash_table[CRASH_POINT_COUNT] = {
#define CRASH_POINT(name, text) [CRASH_##name] = { #name, text },
#include "base/runtime/crash_points.def"
#undef CRASH_POINT
};

static pthread_once_t crash_once = PTHREAD_ONCE_INIT;
static int crash_wanted = -1;
static const char *crash_marker;
static atomic_long crash_left;

static void
crash_read_environment(void)
{
	const char *wish = getenv("WAYBILL_CRASH");
	size_t name_len;
	char *end;
	long count;

	if (wish == NULL || wish[0] == '\0')
		return;
	name_len = strcspn(wish, ":");
	for (int i = 0; i < CRASH_POINT_COUNT; i++)
		if (strlen(crash_table[i].name) == name_len &&
		    memcmp(crash_table[i].name, wish, name_len) == 0)
			crash_wanted = i;
	CHECK(crash_wanted >= 0 && wish[name_len] == ':');
	count = strtol(wish + name_len + 1, &end, 10);
	CHECK(count > 0 && (*end == '\0' || *end == ':'));
	if (*end == ':')
		crash_marker = end + 1;
	atomic_store(&crash_left, count);
}

static void
crash_die(enum crash_point point)
{
	const char *name = crash_table[point].name;

	if (crash_marker != NULL) {
		int file = open(crash_marker,
		                O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		CHECK(file >= 0);
		CHECK(write(file, name, strlen(name)) == (ssize_t)strlen(name));
		CHECK(fsync(file) == 0);
	}
	kill(getpid(), SIGKILL);
	abort();
}

/* -- public -------------------------------------------------------------- */

void
crash_at(enum crash_point point)
{
	CHECK((unsigned int)point < CRASH_POINT_COUNT);
	pthread_once(&crash_once, crash_read_environment);
	if ((int)point != crash_wanted)
		return;
	if (atomic_fetch_sub(&crash_left, 1) == 1)
		crash_die(point);
}

const char *
crash_point_name(int index)
{
	return index >= 0 && index < CRASH_POINT_COUNT ? crash_table[index].name
						       : NULL;
}

const char *
crash_point_text(int index)
{
	return index >= 0 && index < CRASH_POINT_COUNT ? crash_table[index].text
						       : NULL;
}

#else

/* -- public -------------------------------------------------------------- */

const char *
crash_point_name(int index)
{
	(void)index;
	return NULL;
}

const char *
crash_point_text(int index)
{
	(void)index;
	return NULL;
}

#endif
