/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers, for people and for programs.
 */
#include "gateway/file/filetally.h"

#include <inttypes.h>
#include <stddef.h>

#include "base/runtime/text.h"

/* -- public ---------------------------------------------------------------- */

int64_t
filetally_settled(const struct filetally *tally)
{
	return atomic_load(&tally->known) + atomic_load(&tally->accepted) +
		atomic_load(&tally->duplicate) + atomic_load(&tally->rejected) +
		atomic_load(&tally->conflict);
}

void
filetally_print_json(const struct filetally *tally, struct text *out)
{
	const struct {
		const char *name;
		const atomic_int_fast64_t *number;
	} members[] = {
		{ "records", &tally->read },
		{ "accepted", &tally->accepted },
		{ "rejected", &tally->rejected },
		{ "conflict", &tally->conflict },
		{ "duplicate", &tally->duplicate },
		{ "recorded_before", &tally->known },
		{ "rejected_before", &tally->bad_known },
		{ "requests_repeated", &tally->tries },
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		text_addf(out, "%s\"%s\":%" PRId64, i > 0 ? "," : "",
		          members[i].name,
		          (int64_t)atomic_load(members[i].number));
}

const char *
filetally_number(int64_t number, char out[FILETALLY_NUMBER_MAX])
{
	char digits[TEXT_INT_MAX];
	int len = text_print_int(digits, number);
	size_t at = 0;

	for (int i = 0; i < len; i++) {
		out[at++] = digits[i];
		if ((len - i - 1) % 3 == 0 && i + 1 < len && digits[i] != '-')
			out[at++] = ',';
	}
	out[at] = '\0';
	return out;
}
