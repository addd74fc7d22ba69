/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "contracts/contract_path.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "contracts/contract_finding.h"

/* "~" and "/" are written as RFC 6901 has them. */
static void
print_key(char *out, size_t size, const char *key)
{
	size_t len = strlen(out);

	if (size - len < 2 * strlen(key) + 2)
		return;
	out[len++] = '/';
	for (const char *from = key; *from != '\0'; from++) {
		if (*from == '~' || *from == '/')
			out[len++] = '~';
		out[len++] = *from == '~' ? '0' : *from == '/' ? '1' : *from;
	}
	out[len] = '\0';
}

/* -- public -------------------------------------------------------------- */

void
contract_path_print(char *out, size_t size, const struct contract_step *step)
{
	char key[64] = "";
	size_t len;

	if (step->up == NULL)
		return;
	contract_path_print(out, size, step->up);
	len = strlen(out);
	if (step->name != NULL) {
		snprintf(out + len, size - len, "/%s", step->name);
		return;
	}
	if (step->key == NULL) {
		snprintf(out + len, size - len, "/%" PRId64, step->index);
		return;
	}
	if (step->sensitive)
		snprintf(key, sizeof(key), "(redacted)");
	else
		contract_finding_print(key, sizeof(key), step->key,
		                       step->key_len);
	print_key(out, size, key);
}
