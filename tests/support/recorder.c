/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/journal.h"
#include "base/model/source.h"
#include "base/model/violation.h"
#include "base/runtime/clock.h"
#include "base/runtime/memory.h"
#include "tests/support/roadbase.h"

#define SOURCES_MAX  64
#define MESSAGES_MAX 20000

struct recorder {
	struct journal *journal;
	struct source sources[SOURCES_MAX];
	size_t source_count;
	int key;
};

static void
die(const char *what, const struct err *err)
{
	fprintf(stderr, "recorder: %s: %s\n", what, err->text);
	abort();
}

static struct source *
source_of(struct recorder *r, const struct feed *feed, int partition)
{
	struct err err = { .code = ERR_OK };
	struct source *source;

	for (size_t i = 0; i < r->source_count; i++) {
		source = &r->sources[i];
		if (source->partition == partition &&
		    strcmp(source->topic, feed->input_topic) == 0)
			return source;
	}
	if (r->source_count == SOURCES_MAX)
		abort();
	source = &r->sources[r->source_count++];
	source->partition = partition;
	snprintf(source->topic, sizeof(source->topic), "%s", feed->input_topic);
	if (source_take(journal_conn(r->journal), feed, "", partition,
	                &source->id, &err) != ERR_OK)
		die("source", &err);
	return source;
}

static void
add_message(struct recorder *r, struct batch *batch, const struct feed *feed,
            int partition, bool rejected)
{
	static const struct violation violation = { "test.rule", "/a", "b", "c",
		                                    7 };
	struct message *m = batch_add(batch, NULL);
	struct source *source = source_of(r, feed, partition);

	m->feed = feed;
	m->source = source;
	m->source_id = source->id;
	m->source_offset = source->next++;
	m->partition = partition;
	m->event_time_ms = 1700000000000 + m->source_offset;
	m->contract = feed->contract_id;
	m->key = (const uint8_t *)arena_printf(&batch->arena, "k%d", r->key++);
	m->key_len = (int32_t)strlen((const char *)m->key);
	m->body = (const uint8_t *)arena_printf(
		&batch->arena, "%s/%s:%d#%lld", feed->tenant, feed->name,
		partition, (long long)m->source_offset);
	m->body_len = (int32_t)strlen((const char *)m->body);
	m->headers_len = -1;
	if (rejected) {
		m->verdict = VERDICT_REJECTED;
		m->violations = &violation;
		m->violation_count = 1;
	}
}

static void
add_word(struct recorder *r, struct batch *batch, const char *word)
{
	char tenant[64], name[64], mark[2] = "";
	int partition = 0, count = 1;
	const char *star = strchr(word, '*');
	const struct feed *feed;

	if (sscanf(word, "%63[^/]/%63[^:]:%d%1[!]", tenant, name, &partition,
	           mark) < 3)
		abort();
	if (star != NULL)
		count = atoi(star + 1);
	feed = deployment_feed(batch->deployment, tenant, name);
	if (feed == NULL)
		abort();
	for (int i = 0; i < count; i++)
		add_message(r, batch, feed, partition, mark[0] == '!');
}

/* -- public --------------------------------------------------------------- */

struct recorder *
recorder_new(const char *daemon, int lane)
{
	struct recorder *r = memory_calloc(1, sizeof(*r));
	const struct journal_options options = {
		.conninfo = roadbase_conninfo(),
		.role = "waybill_daemon",
		.daemon = daemon,
		.lane = lane,
		.timeout_ms = 20000,
	};
	struct err err = { .code = ERR_OK };

	roadbase_run("select waybill.daemon_beat('%s', '', 3600000)", daemon);
	if (journal_open(&options, &r->journal, &err) != ERR_OK ||
	    journal_claim(r->journal, &err) != ERR_OK)
		die("claim", &err);
	return r;
}

void
recorder_free(struct recorder **recorder)
{
	if (*recorder == NULL)
		return;
	journal_close(&(*recorder)->journal);
	memory_free(recorder);
}

struct journal *
recorder_journal(struct recorder *r)
{
	return r->journal;
}

struct batch *
recorder_batch(struct recorder *r, const struct deployment *deployment,
               const char *words)
{
	struct batch *batch = batch_new(deployment, MESSAGES_MAX);
	char copy[1024], *rest = copy, *word;

	snprintf(copy, sizeof(copy), "%s", words);
	while ((word = strtok_r(rest, " ", &rest)) != NULL)
		add_word(r, batch, word);
	batch_group(batch, 5000, 8 * 1024 * 1024);
	batch->positions = arena_alloc(
		&batch->arena, r->source_count * sizeof(*batch->positions));
	for (size_t i = 0; i < r->source_count; i++)
		batch->positions[i] = (struct position){ r->sources[i].id,
			                                 r->sources[i].next };
	batch->position_count = r->source_count;
	batch->positions_full = journal_wants_full(r->journal);
	return batch;
}

struct batch *
recorder_record(struct recorder *r, const struct deployment *deployment,
                const char *words)
{
	struct batch *batch = recorder_batch(r, deployment, words);
	struct err err = { .code = ERR_OK };

	if (journal_send(r->journal, batch, &err) != ERR_OK ||
	    journal_wait(r->journal, &err) != ERR_OK)
		die("record", &err);
	batch->recorded_ms = clock_wall_ms();
	return batch;
}
