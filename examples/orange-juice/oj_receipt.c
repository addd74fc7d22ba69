/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* The receipts: a line is written as its message comes. */
#include "examples/orange-juice/oj_receipt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/orange-juice/oj_digest.h"

struct oj_receipts {
	FILE *file;
	struct oj_digest *digest;
	const char *path;
};

/* Only what is written as an id or a source is: a field stays a field. */
static void
header_print(struct oj_receipts *receipts, const rd_kafka_message_t *message,
             const char *name)
{
	rd_kafka_headers_t *headers = NULL;
	const void *value = NULL;
	size_t size = 0;

	(void)fputc('\t', receipts->file);
	if (rd_kafka_message_headers(message, &headers) !=
	            RD_KAFKA_RESP_ERR_NO_ERROR ||
	    rd_kafka_header_get_last(headers, name, &value, &size) !=
	            RD_KAFKA_RESP_ERR_NO_ERROR ||
	    value == NULL)
		return;
	for (size_t i = 0; i < size; i++) {
		char c = ((const char *)value)[i];
		(void)fputc(c > ' ' && c < 0x7F && c != '\\' ? c : '?',
		            receipts->file);
	}
}

/* -- public -------------------------------------------------------------- */

struct oj_receipts *
oj_receipt_open(const char *path, struct oj_err *err)
{
	struct oj_receipts *receipts = calloc(1, sizeof(*receipts));

	if (receipts == NULL)
		abort();
	receipts->path = path;
	receipts->digest = oj_digest_new();
	receipts->file = fopen(path, "we");
	if (receipts->file == NULL) {
		(void)oj_err_set(err, "%s: %s", path, strerror(errno));
		oj_digest_free(&receipts->digest);
		free(receipts);
		return NULL;
	}
	return receipts;
}

void
oj_receipt_add(struct oj_receipts *receipts, const rd_kafka_message_t *message)
{
	uint8_t digest[OJ_DIGEST_SIZE];
	char hex[OJ_DIGEST_HEX];

	oj_digest_of(receipts->digest, message->key, message->key_len,
	             message->payload, message->len, digest);
	oj_digest_hex(digest, hex);
	fprintf(receipts->file, "%s\t%d\t%lld\t%s",
	        rd_kafka_topic_name(message->rkt), (int)message->partition,
	        (long long)message->offset, hex);
	header_print(receipts, message, "waybill-id");
	header_print(receipts, message, "waybill-source");
	(void)fputc('\n', receipts->file);
}

bool
oj_receipt_close(struct oj_receipts **receipts, struct oj_err *err)
{
	struct oj_receipts *closing = *receipts;
	bool ok;

	*receipts = NULL;
	if (closing == NULL)
		return true;
	ok = ferror(closing->file) == 0;
	ok = fclose(closing->file) == 0 && ok;
	if (!ok)
		(void)oj_err_set(err, "%s: %s", closing->path, strerror(errno));
	oj_digest_free(&closing->digest);
	free(closing);
	return ok;
}
