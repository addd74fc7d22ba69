/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The bodies agree with the contracts: another library decodes them to the
 * last byte, and the table of feeds says what the annotations say.
 */
#include "examples/orange-juice/oj_feed.h"

#include <avro.h>

#include "examples/orange-juice/oj_decode.h"
#include "tests/examples/orange-juice/juice_schema.h"
#include "tests/unit.h"

static const struct oj_week WEEKS[] = {
	{ .store = 2,
	  .item = 1,
	  .week = 40,
	  .units = 129,
	  .price_cents = 387,
	  .feature = 0.25f,
	  .margin = 37.5f,
	  .deal = true,
	  .stock = { 135, 132, 144, 12, 264 } },
	{ .store = 137,
	  .item = 11,
	  .week = 160,
	  .units = 11000,
	  .price_cents = 128,
	  .stock = { 0, 0, 0, 0, 0 } },
	{ .store = 5,
	  .item = 6,
	  .week = 100,
	  .units = 1,
	  .price_cents = 32768,
	  .feature = 1,
	  .stock = { 7, 0, 24, 24, 12 } },
	{ .store = 64,
	  .item = 2,
	  .week = 8000,
	  .units = 1,
	  .price_cents = 99,
	  .deal = true,
	  .stock = { 7, 12, 24, 0, 12 } },
};
enum { WEEKS_COUNT = sizeof(WEEKS) / sizeof(WEEKS[0]) };

static avro_schema_t
schema_load(const char *name)
{
	avro_schema_t schema = NULL;
	json_t *json = juice_schema_load(name);
	char *text = json_dumps(json, 0);

	if (avro_schema_from_json_length(text, strlen(text), &schema) != 0)
		fail_msg("%s: %s", name, avro_strerror());
	free(text);
	json_decref(json);
	return schema;
}

static void
test_another_library_decodes_every_body_whole(void **state)
{
	static struct oj_avro body;
	const struct oj_flaw none = { 0 };

	for (int id = 0; id < OJ_FEEDS; id++) {
		const struct oj_feed *feed = oj_feed_get((enum oj_feed_id)id);
		avro_schema_t schema = schema_load(feed->schema);
		avro_value_iface_t *iface =
			avro_generic_class_from_schema(schema);
		for (int i = 0; i < WEEKS_COUNT; i++) {
			size_t frame = oj_feed_frame_size(feed);
			avro_value_t value;
			oj_feed_body(feed, &WEEKS[i], &none, &body);
			avro_reader_t reader = avro_reader_memory(
				(const char *)body.bytes + frame,
				(int64_t)(body.size - frame));
			assert_int_equal(0,
			                 avro_generic_value_new(iface, &value));
			if (avro_value_read(reader, &value) != 0)
				fail_msg("%s: %s", feed->schema,
				         avro_strerror());
			char extra;
			assert_int_not_equal(0, avro_read(reader, &extra, 1));
			avro_value_decref(&value);
			avro_reader_free(reader);
		}
		avro_value_iface_decref(iface);
		avro_schema_decref(schema);
	}
}

static json_t *
decode(enum oj_feed_id id, const struct oj_week *week)
{
	static struct oj_avro body;
	const struct oj_feed *feed = oj_feed_get(id);
	const struct oj_flaw none = { 0 };
	size_t frame = oj_feed_frame_size(feed);
	json_t *schema = juice_schema_load(feed->schema);
	json_t *json = NULL;
	struct oj_err err;

	oj_feed_body(feed, week, &none, &body);
	if (!oj_decode(schema, body.bytes + frame, body.size - frame, &json,
	               &err))
		fail_msg("%s: %s", feed->schema, err.text);
	json_decref(schema);
	return json;
}

static void
expect(enum oj_feed_id id, const struct oj_week *week, const char *json)
{
	json_t *found = decode(id, week);
	char *text = json_dumps(found, JSON_REAL_PRECISION(7));

	assert_string_equal(json, text);
	free(text);
	json_decref(found);
}

static void
test_bodies_say_what_the_week_says(void **state)
{
	expect(OJ_FEED_US_SALES, &WEEKS[0],
	       "{\"store\": 2, \"item\": 1, \"description\": \"Tropicana "
	       "Premium 64 oz\", \"week\": 40, \"week_ending\": "
	       "\"1990-06-20\", \"units\": 129, \"price\": \"3.87\", "
	       "\"deal\": true, \"feature\": 0.25, \"margin_percent\": 37.5}");
	expect(OJ_FEED_US_INVENTORY, &WEEKS[2],
	       "{\"store\": 5, \"item\": 6, \"description\": \"Minute Maid "
	       "96 oz\", \"week_ending\": \"1991-08-14\", \"on_hand\": 7, "
	       "\"on_order\": 0, \"order_up_to\": 12, \"receipts\": "
	       "[{\"units\": 24, \"expedited\": true}], \"next_receipt\": "
	       "null}");
	expect(OJ_FEED_CA_SALES, &WEEKS[0],
	       "{\"storeCode\": \"S0002\", \"articleCode\": \"JO-01\", "
	       "\"description\": {\"en\": \"Tropicana Premium 64 oz\", "
	       "\"fr\": \"Tropicana Premium 1,89 L\"}, \"weekEnding\": "
	       "\"1990-06-20T00:00:00Z\", \"quantity\": 129, "
	       "\"unitOfMeasure\": \"EACH\", \"litres\": 244.1591, "
	       "\"unitPriceCents\": 387, \"promotion\": {\"type\": \"BOTH\", "
	       "\"featureShare\": 0.25}}");
	expect(OJ_FEED_CA_INVENTORY, &WEEKS[0],
	       "{\"storeCode\": \"S0002\", \"articleCode\": \"JO-01\", "
	       "\"revision\": 40, \"asOf\": \"1990-06-20T00:00:00Z\", "
	       "\"libelle\": \"Tropicana Premium 1,89 L\", "
	       "\"unitOfMeasure\": \"EACH\", \"balances\": {\"onHand\": 135, "
	       "\"onOrder\": 132, \"orderUpTo\": 264, \"received\": 144}}");
}

static void
test_keys_are_joined_by_the_unit_separator(void **state)
{
	static const char *const KEYS[OJ_FEEDS] = { "2\0371", "2", "S0002",
		                                    "S0002\037JO-01" };
	uint8_t key[OJ_FEED_KEY_BYTES_MAX];

	for (int id = 0; id < OJ_FEEDS; id++) {
		const struct oj_feed *feed = oj_feed_get((enum oj_feed_id)id);
		size_t size = oj_feed_key(feed, &WEEKS[0], key);
		assert_int_equal(strlen(KEYS[id]), size);
		assert_memory_equal(KEYS[id], key, size);
	}
}

static void
check_annotations(const struct oj_feed *feed, const json_t *schema)
{
	static const char *const FRAMINGS[] = { "raw", "confluent",
		                                "single-object" };
	const json_t *waybill = json_object_get(schema, "waybill");

	assert_string_equal(
		"murmur2",
		json_string_value(json_object_get(waybill, "partitioner")));
	assert_string_equal(
		FRAMINGS[feed->framing],
		json_string_value(json_object_get(waybill, "framing")));
	assert_int_equal(
		feed->body_bytes_max,
		json_integer_value(json_object_get(waybill, "body-bytes-max")));
	assert_int_equal(feed->tombstones,
	                 json_is_true(json_object_get(waybill, "tombstones")));
	if (feed->framing == OJ_FRAMING_CONFLUENT)
		assert_int_equal(feed->schema_id,
		                 json_integer_value(json_object_get(
					 waybill, "schema-id")));
	if (feed->framing == OJ_FRAMING_SINGLE_OBJECT)
		assert_true(feed->schema_id ==
		            juice_schema_fingerprint(schema));
}

static void
test_the_table_agrees_with_the_contracts(void **state)
{
	assert_true(UINT64_C(0x7275D51A3F395C8F) ==
	            juice_schema_crc64("\"int\"", 5)); /* a known answer */
	for (int id = 0; id < OJ_FEEDS; id++) {
		const struct oj_feed *feed = oj_feed_get((enum oj_feed_id)id);
		json_t *schema = juice_schema_load(feed->schema);
		json_t *field;
		size_t i;
		check_annotations(feed, schema);
		json_array_foreach(json_object_get(schema, "fields"), i, field)
			assert_non_null(json_object_get(field, "doc"));
		json_decref(schema);
		assert_ptr_equal(feed, oj_feed_of_topic(feed->topic_in));
		assert_ptr_equal(feed, oj_feed_of_topic(feed->topic_out));
		assert_ptr_equal(feed, oj_feed_of_topic(feed->topic_dead));
	}
	assert_null(oj_feed_of_topic("us"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_another_library_decodes_every_body_whole),
		cmocka_unit_test(test_bodies_say_what_the_week_says),
		cmocka_unit_test(test_keys_are_joined_by_the_unit_separator),
		cmocka_unit_test(test_the_table_agrees_with_the_contracts),
	};

	unit_alarm(30);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
