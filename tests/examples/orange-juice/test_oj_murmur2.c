/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* What Kafka's own unit test of Utils.murmur2 expects. */
#include "examples/orange-juice/oj_murmur2.h"

#include <string.h>

#include "tests/unit.h"

static const struct {
	const char *key;
	int32_t hash;
} KNOWN[] = {
	{ "21", -973932308 },
	{ "foobar", -790332482 },
	{ "a-little-bit-long-string", -985981536 },
	{ "a-little-bit-longer-string", -1486304829 },
	{ "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971 },
	{ "abc", 479470107 },
};

static void
test_hashes_are_javas(void **state)
{
	for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++)
		assert_int_equal(
			KNOWN[i].hash,
			oj_murmur2(KNOWN[i].key, strlen(KNOWN[i].key)));
}

static void
test_a_partition_is_never_negative(void **state)
{
	assert_int_equal((-973932308 & 0x7FFFFFFF) % 8,
	                 oj_murmur2_partition("21", 2, 8));
	for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++)
		assert_in_range(oj_murmur2_partition(KNOWN[i].key,
		                                     strlen(KNOWN[i].key), 7),
		                0, 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hashes_are_javas),
		cmocka_unit_test(test_a_partition_is_never_negative),
	};

	unit_alarm(10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
