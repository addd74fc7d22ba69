/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of fixed size: the hash of the names says the place, and who comes
 * later takes it over. What is asked again costs a question, no more.
 */
#include "gateway/rest/origin.h"

#include <stdio.h>
#include <string.h>

#include "base/model/deployment.h"
#include "base/model/message.h"
#include "base/model/source.h"
#include "base/runtime/check.h"
#include "base/runtime/digest.h"
#include "base/runtime/memory.h"
#include "base/runtime/thread.h"

#define ORIGIN_PLACES   1024
#define ORIGIN_NAME_MAX 256

struct place {
	int32_t id; /* 0: free */
	char name[ORIGIN_NAME_MAX];
};

struct origin {
	struct thread_lock lock;
	struct place places[ORIGIN_PLACES];
};

/* The place of a name, which is printed into name. */
static struct place *
find(struct origin *origin, const struct feed *feed, const char *file,
     char name[ORIGIN_NAME_MAX])
{
	int len = snprintf(name, ORIGIN_NAME_MAX, "%s/%s/%s", feed->tenant,
	                   feed->name, file != NULL ? file : "");

	CHECK(len > 0 && len < ORIGIN_NAME_MAX);
	return &origin->places[digest_murmur2(name, (size_t)len) %
	                       ORIGIN_PLACES];
}

/* -- public ---------------------------------------------------------------- */

struct origin *
origin_new(void)
{
	struct origin *origin = memory_calloc(1, sizeof(*origin));

	thread_lock_init(&origin->lock, THREAD_RANK_QUEUE);
	return origin;
}

void
origin_free(struct origin **origin)
{
	if (*origin == NULL)
		return;
	thread_lock_fini(&(*origin)->lock);
	memory_free(origin);
}

int32_t
origin_known(struct origin *origin, const struct feed *feed, const char *file)
{
	char name[ORIGIN_NAME_MAX];
	struct place *place = find(origin, feed, file, name);
	int32_t id = 0;

	thread_lock(&origin->lock);
	if (place->id != 0 && strcmp(place->name, name) == 0)
		id = place->id;
	thread_unlock(&origin->lock);
	return id;
}

enum err_code
origin_take(struct origin *origin, struct pgconn *conn, const struct feed *feed,
            const char *file, int32_t *out, struct err *err)
{
	char name[ORIGIN_NAME_MAX];
	struct place *place = find(origin, feed, file, name);

	if (source_take_own(conn,
	                    file != NULL ? MESSAGE_ORIGIN_FILE
	                                 : MESSAGE_ORIGIN_REST,
	                    file, feed, out, err) != ERR_OK)
		return err->code;
	thread_lock(&origin->lock);
	place->id = *out;
	memcpy(place->name, name, sizeof(name));
	thread_unlock(&origin->lock);
	return ERR_OK;
}
