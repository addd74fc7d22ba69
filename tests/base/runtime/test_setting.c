/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/setting.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime/text.h"
#include "base/runtime/yaml.h"
#include "tests/unit.h"

struct target {
	char *name;
	char *connection;
	char *password;
	int64_t lanes;
	int64_t batch_bytes;
	int64_t timeout_ms;
	int64_t any;
	int64_t any_ms;
	bool strict;
	int format;
	struct setting_list listen;
	struct setting_properties kafka;
};

static const char *const formats[] = { "logfmt", "json", NULL };

#define MEMBER(name) offsetof(struct target, name)
static const struct setting table[] = {
	{ .key = "name",
	  .type = SETTING_TEXT,
	  .offset = MEMBER(name),
	  .standard = "",
	  .min = 1,
	  .max = 5,
	  .help = "A name | for a person." },
	{ .key = "postgres.connection",
	  .type = SETTING_TEXT,
	  .offset = MEMBER(connection),
	  .standard = "host=localhost",
	  .help = "Where." },
	{ .key = "lanes",
	  .type = SETTING_INTEGER,
	  .offset = MEMBER(lanes),
	  .standard = "8",
	  .min = 1,
	  .max = 64,
	  .help = "How many." },
	{ .key = "postgres.password",
	  .type = SETTING_SECRET,
	  .offset = MEMBER(password),
	  .standard = "",
	  .help = "The password." },
	{ .key = "batch.bytes",
	  .type = SETTING_INTEGER,
	  .offset = MEMBER(batch_bytes),
	  .standard = "4MB",
	  .min = 1024,
	  .max = INT64_C(64) << 20,
	  .unit = "bytes",
	  .help = "The most\nof a batch." },
	{ .key = "postgres.wait.timeout",
	  .type = SETTING_DURATION_MS,
	  .offset = MEMBER(timeout_ms),
	  .standard = "5s",
	  .min = 10,
	  .max = 3600000,
	  .help = "How long." },
	{ .key = "any",
	  .type = SETTING_INTEGER,
	  .offset = MEMBER(any),
	  .standard = "0",
	  .help = "Any." },
	{ .key = "any_ms",
	  .type = SETTING_DURATION_MS,
	  .offset = MEMBER(any_ms),
	  .standard = "",
	  .help = "Any." },
	{ .key = "strict",
	  .type = SETTING_BOOLEAN,
	  .offset = MEMBER(strict),
	  .standard = "true",
	  .help = "Whether." },
	{ .key = "log.format",
	  .type = SETTING_CHOICE,
	  .offset = MEMBER(format),
	  .standard = "logfmt",
	  .choices = formats,
	  .help = "How." },
	{ .key = "listen",
	  .type = SETTING_LIST,
	  .offset = MEMBER(listen),
	  .standard = "127.0.0.1:8080,[::1]:8080",
	  .max = 3,
	  .help = "Where." },
	{ .key = "kafka",
	  .type = SETTING_PROPERTIES,
	  .offset = MEMBER(kafka),
	  .standard = "",
	  .help = "Passed." },
};
#define COUNT (sizeof(table) / sizeof(table[0]))

static enum err_code
load_table(const struct setting *settings, size_t count, const char *text,
           void *target, struct err *err)
{
	struct yaml *root = NULL;
	enum err_code code =
		yaml_load_text("w.yaml", text, strlen(text), &root, err);

	assert_int_equal(ERR_OK, code);
	code = setting_load(settings, count, yaml_at(root, 0), target, err);
	yaml_free(&root);
	return code;
}

static struct target
load(const char *text)
{
	struct target target;
	struct err err;

	memset(&target, 0xee, sizeof(target));
	if (load_table(table, COUNT, text, &target, &err) != ERR_OK)
		fail_msg("%s", err.text);
	return target;
}

static void
release(struct target *target)
{
	setting_release(table, COUNT, target);
	assert_null(target->name);
	assert_null(target->password);
	assert_null(target->listen.values);
	setting_release(table, COUNT, target); /* twice is harmless */
}

static void
assert_faults(const char *expected, const char *text)
{
	struct target target;
	struct err err = { ERR_OK, "" };

	memset(&target, 0xee, sizeof(target));
	assert_int_equal(ERR_CONFIG,
	                 load_table(table, COUNT, text, &target, &err));
	assert_string_equal(expected, err.text);
	assert_null(target.name); /* nothing is left to free */
	assert_null(target.listen.values);
}

static void
test_defaults(void **state)
{
	static const char *const texts[] = {
		"",         "{}",          "~",
		"lanes:\n", "postgres:\n", "postgres: {connection: , wait: {}}"
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct target target = load(texts[i]);

		assert_string_equal("", target.name);
		assert_string_equal("host=localhost", target.connection);
		assert_string_equal("", target.password);
		assert_int_equal(8, target.lanes);
		assert_int_equal(4 << 20, target.batch_bytes);
		assert_int_equal(5000, target.timeout_ms);
		assert_int_equal(0, target.any_ms);
		assert_true(target.strict);
		assert_int_equal(0, target.format);
		assert_int_equal(2, target.listen.count);
		assert_string_equal("[::1]:8080", target.listen.values[1]);
		assert_int_equal(0, target.kafka.count);
		release(&target);
	}
}

static void
test_values(void **state)
{
	struct target target = load("name: abc\n"
	                            "postgres:\n"
	                            "  connection: 'host=db port=5432'\n"
	                            "  password: geheim\n"
	                            "  wait: { timeout: 2min }\n"
	                            "lanes: 64\n"
	                            "batch: { bytes: 64kB }\n"
	                            "strict: false\n"
	                            "log: { format: json }\n"
	                            "listen: [a, b, c]\n"
	                            "kafka:\n"
	                            "  linger.ms: 0\n"
	                            "  empty:\n");

	assert_string_equal("abc", target.name);
	assert_string_equal("host=db port=5432", target.connection);
	assert_string_equal("geheim", target.password);
	assert_int_equal(120000, target.timeout_ms);
	assert_int_equal(64, target.lanes);
	assert_int_equal(65536, target.batch_bytes);
	assert_false(target.strict);
	assert_int_equal(1, target.format);
	assert_int_equal(3, target.listen.count);
	assert_string_equal("c", target.listen.values[2]);
	assert_int_equal(2, target.kafka.count);
	assert_string_equal("linger.ms", target.kafka.values[0].name);
	assert_string_equal("0", target.kafka.values[0].value);
	assert_string_equal("", target.kafka.values[1].value);
	release(&target);
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		int64_t value;
	} known[] = { { "any: 0", 0 },
		      { "any: -0", 0 },
		      { "any: 007", 7 },
		      { "any: 1kB", 1024 },
		      { "any: 3MB", 3 << 20 },
		      { "any: 1GB", 1 << 30 },
		      { "any: 1TB", INT64_C(1) << 40 },
		      { "any: -2kB", -2048 },
		      { "any: 9223372036854775807", INT64_MAX },
		      { "any: -9223372036854775808", INT64_MIN },
		      { "any: 9007199254740991kB", INT64_MAX - 1023 },
		      { "any: 8388607TB", INT64_C(8388607) << 40 },
		      { "any_ms: 0", 0 },
		      { "any_ms: 0s", 0 },
		      { "any_ms: 500ms", 500 },
		      { "any_ms: 5s", 5000 },
		      { "any_ms: 2min", 120000 },
		      { "any_ms: 1h", 3600000 },
		      { "any_ms: 7d", 604800000 },
		      { "any_ms: 9223372036854775807ms", INT64_MAX } };
	static const char *const wrong[] = { "any: x",
		                             "any: 1.5",
		                             "any: '+1'",
		                             "any: 1 kB",
		                             "any: 1KB",
		                             "any: 1k",
		                             "any: 1kb",
		                             "any: 0x10",
		                             "any: 1e3",
		                             "any: '-'",
		                             "any: --1",
		                             "any: ' 1'",
		                             "any: '1 '",
		                             "any: ''",
		                             "any: 1s",
		                             "any: 9223372036854775808",
		                             "any: -9223372036854775809",
		                             "any: 9007199254740992kB",
		                             "any: 8388608TB",
		                             "any: 99999999999999999999999999",
		                             "any_ms: 5",
		                             "any_ms: 5m",
		                             "any_ms: 5sec",
		                             "any_ms: 1h30min",
		                             "any_ms: 106751991168d",
		                             "any_ms: 1kB",
		                             "any_ms: 9223372036854775808ms",
		                             "any_ms: s" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct target target = load(known[i].text);
		int64_t value =
			known[i].text[3] == '_' ? target.any_ms : target.any;

		if (value != known[i].value)
			fail_msg("%s: %" PRId64, known[i].text, value);
		release(&target);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_faults(
			wrong[i][3] == '_'
				? "w.yaml:1: any_ms: must be a duration such as "
				  "500ms, 5s, 2min, 1h or 7d"
				: "w.yaml:1: any: must be a whole number such as "
				  "10, 64kB, 4MB or 1GB",
			wrong[i]);
}

static void
test_bounds(void **state)
{
	assert_faults("w.yaml:2: lanes: must be 1 to 64", "\nlanes: 65");
	assert_faults("w.yaml:1: lanes: must be 1 to 64", "lanes: 0");
	assert_faults("w.yaml:1: lanes: must be 1 to 64", "lanes: -1");
	assert_faults("w.yaml:1: batch.bytes: must be 1kB to 64MB",
	              "batch: { bytes: 1023 }");
	assert_faults("w.yaml:1: postgres.wait.timeout: must be 10ms to 1h",
	              "postgres: { wait: { timeout: 0 } }");
	assert_faults("w.yaml:1: name: must have 1 to 5 bytes", "name: abcdef");
	assert_faults("w.yaml:1: name: must have 1 to 5 bytes", "name: ''");
	assert_faults("w.yaml:1: listen: must have 0 to 3 items",
	              "listen: [a, b, c, d]");
}

static void
test_types(void **state)
{
	assert_faults("w.yaml:1: strict: must be true or false", "strict: yes");
	assert_faults("w.yaml:1: strict: must be true or false", "strict: 1");
	assert_faults("w.yaml:1: log.format: must be logfmt or json",
	              "log: { format: JSON }");
	assert_faults("w.yaml:1: lanes: must be a single value", "lanes: [1]");
	assert_faults("w.yaml:2: name: must be a single value",
	              "name:\n  first: 1");
	assert_faults("w.yaml:1: listen: must be a list", "listen: a");
	assert_faults("w.yaml:1: listen: each item must be a text",
	              "listen: [a, [b]]");
	assert_faults("w.yaml:1: listen: each item must be a text",
	              "listen: [a, ~]");
	assert_faults("w.yaml:1: kafka: must be a map", "kafka: [a]");
	assert_faults("w.yaml:1: kafka: each property must be a text",
	              "kafka: { a: [b] }");
	assert_faults("w.yaml:1: postgres: must be a map", "postgres: x");
	assert_faults("w.yaml:1: must be a map of keys", "[a]");
	assert_faults("w.yaml:1: must be a map of keys", "a");
}

static void
test_unknown_keys(void **state)
{
	assert_faults("w.yaml:2: lane: unknown key (did you mean lanes?)",
	              "strict: true\nlane: 5");
	assert_faults("w.yaml:2: postgres.conection: unknown key "
	              "(did you mean postgres.connection?)",
	              "postgres:\n  conection: x");
	assert_faults("w.yaml:1: connection: unknown key "
	              "(did you mean postgres.connection?)",
	              "connection: x");
	assert_faults("w.yaml:1: zzzzzzzzzz: unknown key", "zzzzzzzzzz: 1");
	assert_faults("w.yaml:1: name-file: unknown key", "name-file: x");
	assert_faults("w.yaml:1: postgres.connection: a dot means a map within "
	              "a map: write it so",
	              "postgres.connection: x");
	assert_faults("w.yaml:1: unknown key", "'': 1");
}

static void
test_absurd_keys(void **state)
{
	char text[1000] = "";
	struct target target;
	struct err err;

	for (int i = 0; i < 200; i++)
		strcat(text, "\xe2\x82\xac");
	strcat(text, ": 1");
	assert_int_equal(ERR_CONFIG,
	                 load_table(table, COUNT, text, &target, &err));
	assert_true(text_is_utf8(err.text, strlen(err.text)));
	assert_non_null(strstr(err.text, "unknown key"));
	assert_true(strlen(err.text) < 200);
}

static void
test_all_faults_at_once(void **state)
{
	char text[2000] = "", expected[4000] = "";

	assert_faults("w.yaml:3: foo: unknown key\n"
	              "w.yaml:1: lanes: must be 1 to 64\n"
	              "w.yaml:2: strict: must be true or false",
	              "lanes: 100\nstrict: no\nfoo: 1\n");
	for (int i = 0; i < 25; i++) {
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		         "zzzzzzzz%d: 1\n", i);
		if (i < 20)
			snprintf(expected + strlen(expected),
			         sizeof(expected) - strlen(expected),
			         "w.yaml:%d: zzzzzzzz%d: unknown key\n", i + 1,
			         i);
	}
	strcat(expected, "and 5 more");
	assert_faults(expected, text);
}

static void
test_required(void **state)
{
	static const struct setting required[] = {
		{ .key = "a.name", .type = SETTING_TEXT, .help = "A." },
		{ .key = "list",
		  .type = SETTING_LIST,
		  .offset = sizeof(char *),
		  .help = "A." },
	};
	struct {
		char *name;
		struct setting_list list;
	} target;
	struct err err;

	assert_int_equal(ERR_CONFIG,
	                 setting_load(required, 2, NULL, &target, &err));
	assert_string_equal("a.name: is required\nlist: is required", err.text);
	assert_int_equal(ERR_CONFIG,
	                 load_table(required, 2, "list: []\na:\n  name:\n",
	                            &target, &err));
	assert_string_equal("w.yaml:3: a.name: is required", err.text);
	assert_int_equal(ERR_OK,
	                 load_table(required, 2, "list: []\na:\n  name: ''\n",
	                            &target, &err));
	assert_string_equal("", target.name);
	setting_release(required, 2, &target);
}

static void
write_file(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(len, fwrite(bytes, 1, len, file));
	fclose(file);
}

static void
test_secret_from_file(void **state)
{
	static char large[70000];
	char folder[] = "/tmp/waybill-setting-XXXXXX";
	char path[64], text[200], expected[300];
	struct target target;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/secret", folder);
	snprintf(text, sizeof(text), "postgres: { password-file: '%s' }", path);
	write_file(path, "geheim\r\n", 8);
	target = load(text);
	assert_string_equal("geheim", target.password);
	release(&target);
	write_file(path, "\n\n", 2); /* one newline is the file's */
	target = load(text);
	assert_string_equal("\n", target.password);
	release(&target);
	write_file(path, "", 0);
	target = load(text);
	assert_string_equal("", target.password);
	release(&target);

	write_file(path, "a\0b", 3);
	snprintf(expected, sizeof(expected),
	         "w.yaml:1: postgres.password: cannot read %s (it has a NUL "
	         "byte)",
	         path);
	assert_faults(expected, text);
	memset(large, 'x', sizeof(large));
	write_file(path, large, sizeof(large));
	snprintf(expected, sizeof(expected),
	         "w.yaml:1: postgres.password: cannot read %s (larger than 64 "
	         "kB)",
	         path);
	assert_faults(expected, text);
	unlink(path);
	snprintf(expected, sizeof(expected),
	         "w.yaml:1: postgres.password: cannot read %s (No such file or "
	         "directory)",
	         path);
	assert_faults(expected, text);
	rmdir(folder);
	assert_faults("w.yaml:3: postgres.password: stands here and in a file: "
	              "keep one",
	              "postgres:\n  password: a\n  password-file: b\n");
	assert_faults("w.yaml:1: postgres.password: the name of its file must "
	              "be a text",
	              "postgres: { password-file: [a] }");
}

static void
test_print(void **state)
{
	struct target target = load("name: \"a\\\"b\"\n"
	                            "postgres: { password: geheim }\n"
	                            "listen: []\n"
	                            "any: 3000\n"
	                            "kafka: { linger.ms: 0, sasl.password: p, "
	                            "ssl.key.password: }\n");
	struct text out, again;

	text_init(&out, 10000);
	text_init(&again, 10000);
	setting_print(table, COUNT, &target, &out);
	assert_string_equal("name: \"a\\\"b\"\n"
	                    "postgres:\n"
	                    "  connection: \"host=localhost\"\n"
	                    "  password: \"(secret)\"\n"
	                    "  wait:\n"
	                    "    timeout: 5s\n"
	                    "lanes: 8\n"
	                    "batch:\n"
	                    "  bytes: 4MB\n"
	                    "any: 3000\n"
	                    "any_ms: 0\n"
	                    "strict: true\n"
	                    "log:\n"
	                    "  format: logfmt\n"
	                    "listen: []\n"
	                    "kafka:\n"
	                    "  \"linger.ms\": \"0\"\n"
	                    "  \"sasl.password\": \"(secret)\"\n"
	                    "  \"ssl.key.password\": \"\"\n",
	                    text_string(&out));
	release(&target);
	/* what is printed can be read again, and prints the same */
	target = load(text_string(&out));
	setting_print(table, COUNT, &target, &again);
	assert_string_equal(text_string(&out), text_string(&again));
	release(&target);
	text_fini(&out);
	text_fini(&again);
}

static void
test_print_reference(void **state)
{
	struct text out;

	text_init(&out, 10000);
	setting_print_reference(table, COUNT, &out);
	assert_string_equal(
		"| key | type | default | meaning |\n"
		"|---|---|---|---|\n"
		"| `name` | text, 1 to 5 | none | A name \\| for a person. |\n"
		"| `postgres.connection` | text | `host=localhost` | Where. |\n"
		"| `lanes` | integer, 1 to 64 | `8` | How many. |\n"
		"| `postgres.password` | secret | none | The password. Or "
		"`postgres.password-file`: the file it stands in. |\n"
		"| `batch.bytes` | integer, 1kB to 64MB | `4MB` | The "
		"most of a batch. |\n"
		"| `postgres.wait.timeout` | duration, 10ms to 1h | `5s` | How "
		"long. |\n"
		"| `any` | integer | `0` | Any. |\n"
		"| `any_ms` | duration | none | Any. |\n"
		"| `strict` | true or false | `true` | Whether. |\n"
		"| `log.format` | one of `logfmt`, `json` | `logfmt` | How. |\n"
		"| `listen` | list of texts, 0 to 3 | "
		"`127.0.0.1:8080,[::1]:8080` | Where. |\n"
		"| `kafka` | map of texts | none | Passed. |\n",
		text_string(&out));
	text_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_absurd_keys),
		cmocka_unit_test(test_all_faults_at_once),
		cmocka_unit_test(test_required),
		cmocka_unit_test(test_secret_from_file),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_print_reference),
	};

	unit_alarm(30);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
