/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Only the sentences between the tables are here.
 */
#include "contracts/contract_reference.h"

#include "base/runtime/text.h"
#include "contracts/annotation.h"
#include "contracts/contract_rule.h"

/* -- public -------------------------------------------------------------- */

void
contract_reference_print(struct text *out)
{
	text_add(out,
	         "# Contracts: annotations and rules\n\n"
	         "Printed from the tables of the program.\n\n"
	         "## Annotations of a schema\n\n"
	         "Members of the object `waybill` at the root of an `.avsc` "
	         "file. An unknown one is an error.\n\n");
	annotation_print_reference(out);
	text_add(out,
	         "\n## Annotations of a field\n\n"
	         "Members of the object `waybill` in a field of a record.\n\n"
	         "| annotation | values | meaning |\n|---|---|---|\n"
	         "| `sensitive` | `false` (default), `true` | The value is "
	         "shown nowhere: violations and printed messages say "
	         "(redacted). |\n"
	         "\n## Rules\n\n"
	         "In the order in which they are checked. A body whose bytes "
	         "cannot be read breaks one rule of `frame.` or `avro.`: "
	         "nothing behind that place can be trusted. Rules of "
	         "`header.`, `size.`, `logical.` and `key.` are told "
	         "besides. The rules of `json.` and `csv.` are about texts "
	         "that are made Avro, which comes first.\n\n"
	         "| rule | what it asks |\n|---|---|\n");
	for (int i = 0; i < CONTRACT_RULE_TABLE_LEN; i++)
		text_addf(out, "| `%s` | %s |\n",
		          contract_rule_id((enum contract_rule)i),
		          contract_rule_text((enum contract_rule)i));
}
