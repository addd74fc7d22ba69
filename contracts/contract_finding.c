/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "contracts/contract_finding.h"

#include <stdio.h>
#include <string.h>

#include "base/runtime/arena.h"
#include "base/runtime/text.h"
#include "contracts/contract.h"

/* How many bytes the character at bytes has; 0: it cannot be shown. */
static size_t
character(const uint8_t *bytes, size_t len)
{
	if (bytes[0] < 0x80)
		return bytes[0] >= 0x20 && bytes[0] != 0x7f ? 1 : 0;
	for (size_t n = 2; n <= 4 && n <= len; n++)
		if (text_is_utf8(bytes, n))
			return n;
	return 0;
}

/* -- public -------------------------------------------------------------- */

void
contract_finding_add(struct contract_result *result, struct arena *arena,
                     const struct contract_finding *finding)
{
	struct violation *violation;

	if (result->violation_count == VIOLATIONS_MAX)
		return;
	violation = &result->violations[result->violation_count++];
	violation->rule = contract_rule_id(finding->rule);
	violation->path =
		finding->path != NULL ? arena_strdup(arena, finding->path) : "";
	violation->expected = finding->expected != NULL
		? arena_strdup(arena, finding->expected)
		: "";
	violation->value = finding->value != NULL
		? arena_strdup(arena, finding->value)
		: "";
	violation->byte_offset = finding->offset;
}

void
contract_finding_print(char *out, size_t out_size, const uint8_t *bytes,
                       size_t len)
{
	size_t at = strlen(out);

	for (size_t i = 0; i < len;) {
		size_t count = character(bytes + i, len - i);

		if (at + 8 > out_size) {
			/* the last 7 bytes are for this and the NUL */
			memcpy(out + at, "...", 4);
			return;
		}
		if (count == 0) {
			snprintf(out + at, 5, "\\x%02x", bytes[i++]);
			at += 4;
			continue;
		}
		memcpy(out + at, bytes + i, count);
		at += count;
		i += count;
		out[at] = '\0';
	}
}
