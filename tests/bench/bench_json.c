/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * How long it takes to make Avro of JSON: replenishment records of about 300
 * bytes of Avro, as strict Avro JSON. Beside it what only parsing costs with a
 * library that builds a tree. Prints nanoseconds; asserts nothing. With a loop
 * count as argument.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/runtime/arena.h"
#include "base/runtime/err.h"
#include "base/runtime/text.h"
#include "contracts/contract.h"

#define BENCH_MESSAGES 1024
#define BENCH_JSON_MAX 1024

static const char bench_avsc[] =
	"{\"type\":\"record\",\"name\":\"Inventory\",\"waybill\":{\"key\":["
	"\"dc\",\"item\"],\"framing\":\"confluent\",\"schema-id\":1001},"
	"\"fields\":["
	"{\"name\":\"dc\",\"type\":\"string\"},"
	"{\"name\":\"item\",\"type\":\"long\"},"
	"{\"name\":\"event_id\",\"type\":\"string\"},"
	"{\"name\":\"event_time\",\"type\":{\"type\":\"long\","
	"\"logicalType\":\"timestamp-millis\"}},"
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
	"{\"name\":\"supplier_name\",\"type\":[\"null\",\"string\"]},"
	"{\"name\":\"price\",\"type\":[\"null\",{\"type\":\"bytes\","
	"\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}],"
	"\"default\":null},"
	"{\"name\":\"forecast\",\"type\":{\"type\":\"array\",\"items\":"
	"\"float\"}},"
	"{\"name\":\"trace\",\"type\":\"string\"},"
	"{\"name\":\"description\",\"type\":\"string\"},"
	"{\"name\":\"note\",\"type\":[\"null\",\"string\"]}]}";

struct bench_message {
	char json[BENCH_JSON_MAX];
	size_t len;
};

enum bench_way {
	BENCH_TREE,     /* parsed by the library, and freed */
	BENCH_READ,     /* contract_read_json */
	BENCH_READ_ALL, /* and contract_check */
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

/* digits: of the doubles. disorder: members that come in another order. */
static void
fill(struct bench_message *message, int digits, bool disorder)
{
	char numbers[512], front[256];
	double value[5];

	for (int i = 0; i < 5; i++)
		value[i] = random_below(100000) / 7.0;
	snprintf(front, sizeof(front),
	         "\"dc\":\"DC-%04u\",\"item\":%u,\"event_id\":"
	         "\"e3b0c442-98fc-1c14-9afb-%012x\"",
	         random_below(150), 100000000 + random_below(90000000),
	         random_below(1 << 30));
	snprintf(numbers, sizeof(numbers),
	         "\"event_time\":%lld,\"kind\":\"SALE\",\"on_hand\":%.*g,"
	         "\"on_order\":%.*g,\"in_transit\":%.*g,\"reserved\":%.*g,"
	         "\"safety_stock\":{\"double\":%.*g}",
	         1735689600000LL + random_below(1 << 30), digits, value[0],
	         digits, value[1], digits, value[2], digits, value[3], digits,
	         value[4]);
	message->len = (size_t)snprintf(
		message->json, sizeof(message->json),
		"{%s,%s,\"lead_time_days\":{\"int\":%u},\"unit\":\"EA\","
		"\"pack_size\":%u,\"active\":true,\"supplier_name\":{"
		"\"string\":\"%s\"},\"forecast\":[1.5,2.25,3,4.75,1.25,6,7.5],"
		"\"trace\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0b\","
		"\"description\":\"Orange juice, not from concentrate, 12 x 1 "
		"l, cooled\",\"note\":null%s}",
		disorder ? numbers : front, disorder ? front : numbers,
		random_below(90), 1 + random_below(200),
		random_below(8) == 0 ? "M\xc3\xbcller & S\xc3\xb6hne"
				     : "Northern Orchards Ltd",
		disorder ? "" : ",\"price\":{\"bytes\":\"\\u0001e\"}");
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static size_t
run_one(enum bench_way way, const struct contract *contract,
        const struct bench_message *message, struct arena *arena,
        struct text *body)
{
	static struct contract_result result;
	struct contract_input input = {
		.key_len = -1,
		.headers_len = -1,
		.body_bytes_max = 1000000,
		.derive_key = true,
	};

	if (way == BENCH_TREE) {
		json_t *tree = json_loadb(message->json, message->len,
		                          JSON_REJECT_DUPLICATES, NULL);

		json_decref(tree);
		return tree == NULL;
	}
	text_reset(body);
	contract_read_json(contract, message->json, message->len, arena, body,
	                   &result);
	if (way == BENCH_READ_ALL && result.violation_count == 0) {
		input.body = (const uint8_t *)body->bytes;
		input.body_len = (int32_t)body->len;
		contract_check(contract, &input, arena, &result);
	}
	if (result.violation_count > 0)
		fprintf(stderr, "%s\n", result.violations[0].expected);
	return result.violation_count > 0;
}

static void
run(const char *what, enum bench_way way, const struct contract *contract,
    const struct bench_message *messages, int rounds)
{
	double start, best = 1e9;
	struct arena arena;
	struct text body;
	size_t bad = 0;

	arena_init(&arena, 65536);
	text_init(&body, 1000000);
	for (int round = 0; round < rounds; round++) {
		start = now();
		for (int i = 0; i < BENCH_MESSAGES; i++)
			bad += run_one(way, contract, &messages[i], &arena,
			               &body);
		start = (now() - start) / BENCH_MESSAGES;
		best = start < best ? start : best;
		arena_reset(&arena);
	}
	printf("  %s: %.0f ns a message, best of %d rounds (%zu bad)\n", what,
	       best, rounds, bad);
	text_fini(&body);
	arena_fini(&arena);
}

int
main(int argc, char **argv)
{
	static struct bench_message messages[BENCH_MESSAGES];
	struct contract *contract;
	struct err err;
	int rounds = argc > 1 ? atoi(argv[1]) : 300;

	if (contract_compile(1, "bench", 1, bench_avsc, &contract, &err) !=
	    ERR_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	for (int kind = 0; kind < 3; kind++) {
		size_t bytes = 0;

		for (int i = 0; i < BENCH_MESSAGES; i++) {
			fill(&messages[i], kind == 1 ? 17 : 6, kind == 2);
			bytes += messages[i].len;
		}
		printf("%s, %zu bytes of JSON on average\n",
		       kind == 0           ? "doubles of 6 digits"
		               : kind == 1 ? "doubles of 17 digits"
		                           : "another order, a default",
		       bytes / BENCH_MESSAGES);
		run("a tree", BENCH_TREE, contract, messages, rounds);
		run("Avro", BENCH_READ, contract, messages, rounds);
		run("Avro, checked", BENCH_READ_ALL, contract, messages,
		    rounds);
	}
	contract_free(&contract);
	return 0;
}
