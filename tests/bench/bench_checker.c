/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * How long one message takes to check: replenishment records of about 300
 * bytes. Prints nanoseconds; asserts nothing. With a loop count as argument.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/runtime/arena.h"
#include "base/runtime/err.h"
#include "contracts/contract.h"

#define BENCH_MESSAGES 4096
#define BENCH_BODY_MAX 512

static const char bench_avsc[] =
	"{\"type\":\"record\",\"name\":\"Inventory\",\"waybill\":{\"key\":["
	"\"dc\",\"item\"],\"framing\":\"confluent\",\"schema-id\":1001},"
	"\"fields\":["
	"{\"name\":\"dc\",\"type\":\"string\"},"
	"{\"name\":\"item\",\"type\":\"long\"},"
	"{\"name\":\"event_id\",\"type\":\"string\"},"
	"{\"name\":\"event_time\",\"type\":{\"type\":\"long\","
	"\"logicalType\":\"timestamp-millis\"}},"
	"{\"name\":\"sequence\",\"type\":\"long\"},"
	"{\"name\":\"source\",\"type\":\"string\"},"
	"{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"Kind\","
	"\"symbols\":[\"COUNT\",\"SALE\",\"RECEIPT\",\"LOSS\"]}},"
	"{\"name\":\"on_hand\",\"type\":\"double\"},"
	"{\"name\":\"on_order\",\"type\":\"double\"},"
	"{\"name\":\"in_transit\",\"type\":\"double\"},"
	"{\"name\":\"reserved\",\"type\":\"double\"},"
	"{\"name\":\"safety_stock\",\"type\":[\"null\",\"double\"]},"
	"{\"name\":\"lead_time_days\",\"type\":[\"null\",\"int\"]},"
	"{\"name\":\"unit\",\"type\":\"string\"},"
	"{\"name\":\"pack_size\",\"type\":\"int\"},"
	"{\"name\":\"active\",\"type\":\"boolean\"},"
	"{\"name\":\"perishable\",\"type\":\"boolean\"},"
	"{\"name\":\"supplier\",\"type\":[\"null\",\"string\"]},"
	"{\"name\":\"supplier_name\",\"type\":[\"null\",\"string\"]},"
	"{\"name\":\"aisle\",\"type\":[\"null\",\"string\"]},"
	"{\"name\":\"price\",\"type\":[\"null\",{\"type\":\"bytes\","
	"\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}]},"
	"{\"name\":\"currency\",\"type\":\"string\"},"
	"{\"name\":\"forecast\",\"type\":{\"type\":\"array\",\"items\":"
	"\"float\"}},"
	"{\"name\":\"trace\",\"type\":\"string\"},"
	"{\"name\":\"note\",\"type\":[\"null\",\"string\"]}]}";

struct bench_message {
	uint8_t body[BENCH_BODY_MAX];
	uint8_t key[64];
	int32_t body_len;
	int32_t key_len;
};

static uint64_t bench_random_state = 88172645463325252u;

static uint32_t
random_below(uint32_t limit)
{
	bench_random_state ^= bench_random_state << 13;
	bench_random_state ^= bench_random_state >> 7;
	bench_random_state ^= bench_random_state << 17;
	return (uint32_t)(bench_random_state >> 33) % limit;
}

static uint8_t *
put_long(uint8_t *at, int64_t value)
{
	uint64_t rest = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);

	for (; rest > 0x7f; rest >>= 7)
		*at++ = (uint8_t)(rest | 0x80);
	*at++ = (uint8_t)rest;
	return at;
}

static uint8_t *
put_string(uint8_t *at, const char *string)
{
	size_t len = strlen(string);

	at = put_long(at, (int64_t)len);
	memcpy(at, string, len);
	return at + len;
}

static uint8_t *
put_doubles(uint8_t *at, int count)
{
	for (int i = 0; i < count; i++) {
		double value = random_below(100000) / 7.0;

		memcpy(at, &value, sizeof(value));
		at += sizeof(value);
	}
	return at;
}

/* null, or a string, as often. */
static uint8_t *
put_optional(uint8_t *at, const char *string)
{
	*at++ = random_below(4) == 0 ? 0 : 2;
	return at[-1] == 0 ? at : put_string(at, string);
}

static void
fill(struct bench_message *message, int number)
{
	uint8_t *at = message->body;
	int64_t item = 100000000 + random_below(90000000);
	char dc[16], text[64];

	memcpy(at, "\0\0\0\3\xe9", 5);
	at += 5;
	snprintf(dc, sizeof(dc), "DC-%04u", random_below(150));
	at = put_string(at, dc);
	at = put_long(at, item);
	snprintf(text, sizeof(text), "e3b0c442-98fc-1c14-9afb-%012x",
	         random_below(1 << 30));
	at = put_string(at, text);
	at = put_long(at, INT64_C(1735689600000) + random_below(1 << 30));
	at = put_long(at, number);
	at = put_string(at, "wms-eu-west");
	at = put_long(at, random_below(4));
	at = put_doubles(at, 4);
	*at++ = 2;
	at = put_doubles(at, 1);
	*at++ = 2;
	at = put_long(at, random_below(90));
	at = put_string(at, "EA");
	at = put_long(at, 1 + random_below(200));
	*at++ = (uint8_t)random_below(2);
	*at++ = (uint8_t)random_below(2);
	at = put_optional(at, "SUP-0048213");
	at = put_optional(at,
	                  random_below(8) == 0 ? "M\xc3\xbcller & S\xc3\xb6hne"
	                                       : "Northern Orchards Ltd");
	at = put_optional(at, "A-17-03");
	*at++ = 2;
	*at++ = 4;
	*at++ = (uint8_t)random_below(100);
	*at++ = (uint8_t)random_below(100);
	at = put_string(at, "EUR");
	at = put_long(at, 7);
	memset(at, 0x3f, 28);
	at += 28;
	*at++ = 0;
	at = put_string(at, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0b");
	at = put_optional(at, "cycle count");
	message->body_len = (int32_t)(at - message->body);
	message->key_len = snprintf((char *)message->key, sizeof(message->key),
	                            "%s\x1f%lld", dc, (long long)item);
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* The best round, in nanoseconds a message; cut: bytes left out at the end. */
static void
run(const char *what, const struct contract *contract,
    const struct bench_message *messages, int rounds, int32_t cut)
{
	static struct contract_result result;
	struct arena arena;
	double start, best = 1e9;
	size_t bad = 0;

	arena_init(&arena, 65536);
	for (int round = 0; round < rounds; round++) {
		start = now();
		for (int i = 0; i < BENCH_MESSAGES; i++) {
			const struct contract_input input = {
				.key = messages[i].key,
				.key_len = messages[i].key_len,
				.body = messages[i].body,
				.body_len = messages[i].body_len - cut,
				.headers_len = -1,
				.body_bytes_max = 1000000,
			};

			contract_check(contract, &input, &arena, &result);
			bad += result.violation_count > 0;
		}
		start = (now() - start) / BENCH_MESSAGES;
		best = start < best ? start : best;
		arena_reset(&arena);
	}
	printf("%s: %.1f ns a message, best of %d rounds (%zu bad)\n", what,
	       best, rounds, bad);
	arena_fini(&arena);
}

int
main(int argc, char **argv)
{
	static struct bench_message messages[BENCH_MESSAGES];
	struct contract *contract;
	struct err err;
	int rounds = argc > 1 ? atoi(argv[1]) : 500;
	size_t bytes = 0;

	if (contract_compile(1, "bench", 1, bench_avsc, &contract, &err) !=
	    ERR_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	for (int i = 0; i < BENCH_MESSAGES; i++) {
		fill(&messages[i], i);
		bytes += (size_t)messages[i].body_len;
	}
	printf("contract_check, %zu bytes on average\n",
	       bytes / BENCH_MESSAGES);
	run("good", contract, messages, rounds, 0);
	run("cut by a byte", contract, messages, rounds / 10 + 1, 1);
	contract_free(&contract);
	return 0;
}
