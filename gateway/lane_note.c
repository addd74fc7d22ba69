/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The row's reason is remembered, so that it is written on a change only.
 */
#include "gateway/lane_note.h"

#include <stdio.h>
#include <string.h>

#include "base/model/journal.h"
#include "base/runtime/clock.h"
#include "base/runtime/err.h"
#include "base/runtime/log.h"

#define NOTE_EVERY_US (3 * 1000000)

static void
write_reason(struct lane_note *note, struct journal *journal,
             const char *reason)
{
	struct log_scope scope = LOG_SCOPE("lane");
	struct err err = { .code = ERR_OK };

	scope.lane = note->lane;
	note->noted_us = clock_now_us();
	if (journal_note(journal, reason, &err) == ERR_OK)
		snprintf(note->noted, sizeof(note->noted), "%s", reason);
	else
		log_warn(&scope, "failed to note why (%s)", err.text);
}

/* -- public ---------------------------------------------------------------- */

bool
lane_note_keep(struct lane_note *note, const struct err *err)
{
	bool fails_again = note->why[0] != '\0';

	snprintf(note->why, sizeof(note->why), "%.255s", err->text);
	note->why_us = clock_now_us();
	return fails_again;
}

void
lane_note_settle(struct lane_note *note)
{
	note->why[0] = '\0';
	note->noted[0] = '\0';
}

void
lane_note_write(struct lane_note *note, struct journal *journal)
{
	write_reason(note, journal, note->why);
}

void
lane_note_follow(struct lane_note *note, struct journal *journal,
                 const char *input, bool has_ready)
{
	int64_t now_us = clock_now_us();

	if (now_us - note->noted_us < NOTE_EVERY_US)
		return;
	/* Postgres answers, and nothing is left to be recorded. */
	if (!has_ready && now_us - note->why_us > 2 * NOTE_EVERY_US)
		note->why[0] = '\0';
	if (note->why[0] != '\0')
		input = note->why;
	if (strcmp(input, note->noted) != 0)
		write_reason(note, journal, input);
}

void
lane_note_clear(struct lane_note *note, struct journal *journal)
{
	if (note->noted[0] != '\0')
		write_reason(note, journal, "");
}
