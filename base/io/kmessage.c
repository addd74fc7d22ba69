/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A message of librdkafka as ours.
 */
#include <arpa/inet.h>
#include <string.h>

#include "base/io/kqueue.h"
#include "base/runtime/text.h"

void
kmessage_fill(struct kmessage *out, rd_kafka_message_t *message)
{
	rd_kafka_timestamp_type_t time_type;
	rd_kafka_headers_t *headers;

	out->handle = message;
	out->opaque = NULL;
	out->key = message->key;
	out->body = message->payload;
	out->key_len = (int32_t)message->key_len;
	out->body_len = (int32_t)message->len;
	out->partition = message->partition;
	out->offset = message->offset;
	out->time_ms = rd_kafka_message_timestamp(message, &time_type);
	if (time_type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE)
		out->time_ms = -1;
	out->has_headers = rd_kafka_message_headers(message, &headers) ==
		RD_KAFKA_RESP_ERR_NO_ERROR;
}

void
kmessage_release(struct kmessage *message)
{
	if (message->handle == NULL)
		return;
	rd_kafka_message_destroy(message->handle);
	message->handle = NULL;
}

void
kmessage_headers(const struct kmessage *message, struct text *out)
{
	rd_kafka_headers_t *headers;
	const char *name;
	const void *value;
	size_t len;

	if (!message->has_headers || message->handle == NULL ||
	    rd_kafka_message_headers(message->handle, &headers) !=
	            RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	for (size_t i = 0;
	     rd_kafka_header_get_all(headers, i, &name, &value, &len) ==
	     RD_KAFKA_RESP_ERR_NO_ERROR;
	     i++) {
		size_t name_len = strlen(name);
		uint32_t big = htonl((uint32_t)name_len);

		text_add_bytes(out, &big, sizeof(big));
		text_add_bytes(out, name, name_len);
		big = htonl(value == NULL ? UINT32_MAX : (uint32_t)len);
		text_add_bytes(out, &big, sizeof(big));
		if (value != NULL)
			text_add_bytes(out, value, len);
	}
}
