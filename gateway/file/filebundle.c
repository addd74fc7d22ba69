/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame's id is the number of its record; the gateway puts the file's name in
 * front of it.
 */
#include "gateway/file/filebundle.h"

#include <string.h>

#include "base/model/violation.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "gateway/rest/frame.h"

#define CHUNK_BYTES       (256 * 1024)
#define RECORDS_FIRST     1024
#define FRAMES_BYTES_MAX  (256 * 1024 * 1024)
#define FRAME_HEAD_BYTES  64
#define REASONS_BYTES_MAX (VIOLATIONS_MAX * (4 * (FRAME_REASON_MAX + 2) + 4))

static void
add_frame(struct filebundle *bundle, struct filebundle_record *record,
          const uint8_t *body, size_t body_len)
{
	char number[TEXT_INT_MAX];
	struct frame frame = {
		.id = (const uint8_t *)number,
		.id_len = text_print_int(number, record->number),
		.body = body,
		.key_len = -1,
		.headers_len = -1,
		.body_len = body == NULL ? -1 : (int32_t)body_len,
		.time_ms = FRAME_NO_TIME,
	};

	CHECK(body_len <= INT32_MAX);
	if (record->violation_count > 0) {
		text_reset(&bundle->scratch);
		frame_add_reasons(&bundle->scratch, record->violations,
		                  record->violation_count);
		frame.reasons = (const uint8_t *)text_string(&bundle->scratch);
		frame.reasons_len = (int32_t)bundle->scratch.len;
	}
	record->frame = bundle->frames.len;
	frame_add(&bundle->frames, &frame);
	record->frame_len = bundle->frames.len - record->frame;
	CHECK(!text_is_cut(&bundle->frames) && !text_is_cut(&bundle->scratch));
}

static struct violation *
copy_violations(struct arena *arena, const struct violation *violations,
                size_t count)
{
	struct violation *copies =
		arena_copy(arena, violations, count * sizeof(*violations));

	for (size_t i = 0; i < count; i++) {
		copies[i].rule = arena_strdup(arena, violations[i].rule);
		copies[i].path = arena_strdup(arena, violations[i].path);
		copies[i].expected =
			arena_strdup(arena, violations[i].expected);
		copies[i].value = arena_strdup(arena, violations[i].value);
	}
	return copies;
}

/* -- public ---------------------------------------------------------------- */

struct filebundle *
filebundle_new(size_t bytes_max)
{
	struct filebundle *bundle = memory_calloc(1, sizeof(*bundle));

	arena_init(&bundle->arena, CHUNK_BYTES);
	text_init(&bundle->frames, FRAMES_BYTES_MAX);
	text_init(&bundle->scratch, REASONS_BYTES_MAX);
	bundle->bytes_max = bytes_max;
	return bundle;
}

void
filebundle_free(struct filebundle **handle)
{
	struct filebundle *bundle = *handle;

	*handle = NULL;
	if (bundle == NULL)
		return;
	arena_fini(&bundle->arena);
	text_fini(&bundle->frames);
	text_fini(&bundle->scratch);
	memory_release(bundle->records);
	memory_release(bundle);
}

void
filebundle_reset(struct filebundle *bundle)
{
	arena_reset(&bundle->arena);
	text_reset(&bundle->frames);
	bundle->count = 0;
}

bool
filebundle_fits(const struct filebundle *bundle, size_t bytes,
                size_t records_max)
{
	return bundle->count == 0 ||
		(bundle->count < records_max &&
	         bundle->frames.len + bytes + FRAME_HEAD_BYTES <=
	                 bundle->bytes_max);
}

void
filebundle_add(struct filebundle *bundle, const struct filebundle_entry *entry)
{
	struct filebundle_record *record;

	CHECK((entry->body == NULL) == (entry->violation_count > 0));
	if (bundle->count == bundle->size) {
		bundle->size =
			bundle->size == 0 ? RECORDS_FIRST : bundle->size * 2;
		bundle->records =
			memory_realloc(bundle->records,
		                       bundle->size * sizeof(*bundle->records));
	}
	record = &bundle->records[bundle->count++];
	*record = (struct filebundle_record){
		.number = entry->number,
		.line = entry->line,
		.original = arena_copy(&bundle->arena, entry->original,
		                       entry->original_len),
		.original_len = entry->original_len,
		.violation_count = entry->violation_count,
	};
	if (entry->violation_count > 0)
		record->violations =
			copy_violations(&bundle->arena, entry->violations,
		                        entry->violation_count);
	add_frame(bundle, record,
	          entry->body != NULL ? entry->body : entry->original,
	          entry->body != NULL ? entry->body_len : entry->original_len);
}

void
filebundle_reject(struct filebundle *bundle, size_t index,
                  const struct violation *violation)
{
	struct filebundle_record *record = &bundle->records[index];

	CHECK(index < bundle->count);
	record->violations = copy_violations(&bundle->arena, violation, 1);
	record->violation_count = 1;
	add_frame(bundle, record, NULL, 0);
}

void
filebundle_print(const struct filebundle *bundle, const size_t *indexes,
                 size_t count, struct text *out)
{
	for (size_t i = 0; i < count; i++) {
		const struct filebundle_record *record =
			&bundle->records[indexes[i]];

		text_add_bytes(out, bundle->frames.bytes + record->frame,
		               record->frame_len);
	}
}
