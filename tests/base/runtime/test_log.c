/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/runtime/clock.h"
#include "base/runtime/text.h"
#include "base/runtime/thread.h"
#include "tests/unit.h"

static char lines[2000][5000];
static int line_count;
static int64_t fake_us;

static void
keep_line(const char *line, void *context)
{
	assert_ptr_equal(lines, context);
	assert_true(line_count < 2000);
	assert_true(strlen(line) <= 4095);
	strcpy(lines[line_count++], line);
}

static int64_t
now_us(void)
{
	return fake_us;
}

static int64_t
wall_ms(void)
{
	return INT64_C(1774749599123);
}

/* Each test has its own 10 s, and no count of the test before. */
static int
begin(void **state)
{
	fake_us += INT64_C(100000000);
	clock_set_fake(now_us, wall_ms);
	log_setup(LOG_LOGFMT, LOG_DEBUG);
	log_set_sink(keep_line, lines);
	log_write(LOG_INFO, NULL, "begin", 1, "begin");
	line_count = 0;
	return 0;
}

static int
end(void **state)
{
	clock_set_fake(NULL, NULL);
	log_set_sink(NULL, NULL);
	return 0;
}

#define TIME "time=2026-03-29T01:59:59.123Z "

static void
test_only_fields_that_are_set(void **state)
{
	struct log_scope scope = LOG_SCOPE("lane");

	log_info(&scope, "started");
	assert_string_equal(TIME "level=info part=lane message=started",
	                    lines[0]);
	scope.tenant = "DE";
	scope.feed = "stock";
	scope.cluster = "east";
	scope.lane = 0;
	log_error(&scope, "failed to record batch (%s)", "no disk");
	assert_string_equal(TIME "level=error part=lane tenant=DE feed=stock"
	                         " cluster=east lane=0 message="
	                         "\"failed to record batch (no disk)\"",
	                    lines[1]);
	log_warn(NULL, "alone");
	assert_string_equal(TIME "level=warn message=alone", lines[2]);
	assert_int_equal(3, line_count);
}

static void
assert_logfmt(const char *expected, const char *message)
{
	line_count = 0;
	fake_us += INT64_C(20000000);
	log_info(NULL, "%s", message);
	assert_int_equal(1, line_count);
	assert_memory_equal(TIME "level=info message=", lines[0],
	                    strlen(TIME "level=info message="));
	assert_string_equal(expected,
	                    lines[0] + strlen(TIME "level=info message="));
}

static void
test_logfmt_quotes(void **state)
{
	assert_logfmt("plain-1.5/x", "plain-1.5/x");
	assert_logfmt("\"\"", "");
	assert_logfmt("\"a b\"", "a b");
	assert_logfmt("\"a=b\"", "a=b");
	assert_logfmt("\"a\\\"b\"", "a\"b");
	assert_logfmt("\"a\\\\b\"", "a\\b");
	assert_logfmt("\"x\\nlevel=error message=forged\"",
	              "x\nlevel=error message=forged");
	assert_logfmt("\"\\u0001\\u001b[31m\\u007f\"", "\x01\x1b[31m\x7f");
	assert_logfmt("\"\xc3\xa4\"", "\xc3\xa4");
	assert_logfmt("\"\xef\xbf\xbd\"", "\xff");
}

static void
test_json(void **state)
{
	struct log_scope scope = LOG_SCOPE("forward");

	log_setup(LOG_JSON, LOG_DEBUG);
	log_debug(&scope, "a \"b\"\n");
	assert_string_equal("{\"time\":\"2026-03-29T01:59:59.123Z\",\"level\":"
	                    "\"debug\",\"part\":\"forward\",\"message\":"
	                    "\"a \\\"b\\\"\\n\"}",
	                    lines[0]);
	scope.lane = 63;
	scope.tenant = "";
	log_debug(&scope, "%d", 7);
	assert_string_equal("{\"time\":\"2026-03-29T01:59:59.123Z\",\"level\":"
	                    "\"debug\",\"part\":\"forward\",\"tenant\":\"\","
	                    "\"lane\":63,\"message\":\"7\"}",
	                    lines[1]);
}

static void
test_plain(void **state)
{
	struct log_scope scope = LOG_SCOPE("forward");

	log_setup(LOG_PLAIN, LOG_INFO);
	log_info(&scope, "applied %d", 7);
	assert_string_equal("applied 7", lines[0]);
	log_warn(&scope, "no lz4");
	assert_string_equal("waybill: no lz4", lines[1]);
}

static void
test_level(void **state)
{
	log_setup(LOG_LOGFMT, LOG_WARN);
	assert_int_equal(LOG_WARN, log_level());
	log_debug(NULL, "no");
	log_info(NULL, "no");
	assert_int_equal(0, line_count);
	log_warn(NULL, "yes");
	log_error(NULL, "yes");
	assert_int_equal(2, line_count);
}

/* However long and however escaped: one line, whole, at most 4096 bytes. */
static void
test_long_messages_are_cut(void **state)
{
	static const char *const letters[] = { "x", "\x01", "\"",
		                               "\xe2\x82\xac", "\xff" };
	char message[10000], value[3000];
	struct log_scope scope = { value, value, value, value, 5 };

	memset(value, '\x02', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (int format = LOG_LOGFMT; format <= LOG_JSON; format++)
		for (int l = 0; l < 5; l++) {
			size_t len = 0;

			while (len + 4 < sizeof(message)) {
				strcpy(message + len, letters[l]);
				len += strlen(letters[l]);
			}
			log_setup((enum log_format)format, LOG_DEBUG);
			line_count = 0;
			fake_us += INT64_C(20000000);
			log_info(NULL, "%s", message);
			log_info(&scope, "%s", message);
			assert_int_equal(2, line_count);
			for (int i = 0; i < 2; i++) {
				const char *end = format == LOG_JSON ? "...\"}"
					: l == 0                     ? "..."
								     : "...\"";

				assert_true(text_is_utf8(lines[i],
				                         strlen(lines[i])));
				len = strlen(lines[i]);
				if (l != 0 || format == LOG_JSON || i != 0)
					assert_string_equal(
						end,
						lines[i] + len - strlen(end));
			}
			assert_true(strlen(lines[0]) > 1500);
		}
}

static void
flood(const char *tenant, int count)
{
	struct log_scope scope = LOG_SCOPE("gather");

	scope.tenant = tenant;
	for (int i = 0; i < count; i++)
		log_warn(&scope, "lagging %d", i);
}

static void
test_repetition_is_counted(void **state)
{
	flood("DE", 100);
	assert_int_equal(10, line_count);
	flood("FR", 3); /* another scope is another line */
	assert_int_equal(13, line_count);
	fake_us += 9999999;
	flood("DE", 1);
	assert_int_equal(13, line_count);
	fake_us += 1;
	log_info(NULL, "anything");
	assert_int_equal(15, line_count);
	assert_string_equal(TIME "level=warn part=gather tenant=DE "
	                         "message=\"lagging 0\" repeated=91",
	                    lines[13]);
	flood("DE", 11); /* begins anew */
	assert_int_equal(25, line_count);
	fake_us += INT64_C(100000000);
	flood("DE", 1);
	assert_int_equal(27, line_count);
	assert_non_null(strstr(lines[25], "repeated=1"));
	assert_null(strstr(lines[26], "repeated"));
}

/* More call sites and scopes than the table holds: no count is lost. */
static void
test_full_table_loses_no_count(void **state)
{
	enum { SCOPES = 500 };
	char tenant[16];
	int64_t repeated = 0;
	int plain = 0;

	for (int i = 0; i < SCOPES; i++) {
		snprintf(tenant, sizeof(tenant), "t%d", i);
		flood(tenant, 12);
		if (line_count > 1900) {
			for (int k = 0; k < line_count; k++) {
				char *at = strstr(lines[k], "repeated=");

				plain += at == NULL;
				repeated += at == NULL ? 0 : atoi(at + 9);
			}
			line_count = 0;
		}
	}
	fake_us += INT64_C(100000000);
	log_info(NULL, "last");
	for (int k = 0; k < line_count; k++) {
		char *at = strstr(lines[k], "repeated=");

		plain += at == NULL;
		repeated += at == NULL ? 0 : atoi(at + 9);
	}
	assert_int_equal(SCOPES * 10 + 1, plain);
	assert_int_equal(SCOPES * 2, repeated);
}

static void
write_many(void *context)
{
	struct log_scope scope = LOG_SCOPE("thread");
	char filler[2000];

	memset(filler, 'f', sizeof(filler));
	filler[sizeof(filler) - 1] = '\0';
	scope.lane = *(int *)context;
	for (int i = 0; i < 200; i++)
		log_write(LOG_INFO, &scope, "many", i, "%d %.*s end", i,
		          (i * 37) % 1900, filler);
}

/* Four threads write to one pipe: each line is whole. */
static void
test_threads_do_not_tear_lines(void **state)
{
	enum { THREADS = 4, EACH = 200 };
	int lanes[THREADS], counts[THREADS] = { 0 };
	struct thread *threads[THREADS];
	char folder[] = "/tmp/waybill-log-XXXXXX", path[64];
	static char line[6000];
	int file, saved = dup(STDERR_FILENO);
	FILE *read_back;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	file = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(file >= 0 && saved >= 0);
	clock_set_fake(NULL, NULL);
	log_set_sink(NULL, NULL);
	dup2(file, STDERR_FILENO);
	for (int i = 0; i < THREADS; i++) {
		lanes[i] = i;
		threads[i] = thread_new("log", write_many, &lanes[i]);
	}
	for (int i = 0; i < THREADS; i++)
		thread_join(&threads[i]);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(file);
	read_back = fopen(path, "r");
	assert_non_null(read_back);
	while (fgets(line, sizeof(line), read_back) != NULL) {
		int lane = -1, number = -1;
		const char *end = " end\"\n";

		assert_int_equal(2,
		                 sscanf(strstr(line, "part=thread"),
		                        "part=thread lane=%d message=\"%d",
		                        &lane, &number));
		assert_in_range(lane, 0, THREADS - 1);
		assert_int_equal(counts[lane]++, number);
		assert_string_equal(end, line + strlen(line) - strlen(end));
	}
	fclose(read_back);
	unlink(path);
	rmdir(folder);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(EACH, counts[i]);
}

/* What was silent when the process ends is said then. */
static void
test_exit_says_what_was_silent(void **state)
{
	char output[8192] = "";
	size_t len = 0;
	ssize_t got;
	int ends[2];
	pid_t child;

	assert_int_equal(0, pipe(ends));
	child = fork();
	if (child == 0) {
		log_set_sink(NULL, NULL);
		dup2(ends[1], STDERR_FILENO);
		flood("AT", 15);
		exit(0);
	}
	close(ends[1]);
	while ((got = read(ends[0], output + len, sizeof(output) - len - 1)) >
	       0)
		len += (size_t)got;
	close(ends[0]);
	waitpid(child, NULL, 0);
	assert_non_null(strstr(output,
	                       "tenant=AT message=\"lagging 14\""
	                       " repeated=5\n"));
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_exit_says_what_was_silent), /* before threads */
		TEST(test_only_fields_that_are_set),
		TEST(test_logfmt_quotes),
		TEST(test_json),
		TEST(test_plain),
		TEST(test_level),
		TEST(test_long_messages_are_cut),
		TEST(test_repetition_is_counted),
		TEST(test_full_table_loses_no_count),
		TEST(test_threads_do_not_tear_lines),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
