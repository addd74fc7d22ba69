/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of memory and of a pipe that gives its bytes in pieces.
 */
#include "base/io/lines.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/runtime/err.h"
#include "base/runtime/text.h"
#include "tests/unit.h"

#define LINE_MAX_BYTES 5

struct feed {
	const char *bytes;
	size_t len;
	int fd;
};

static void *
write_slowly(void *argument)
{
	struct feed *feed = argument;

	for (size_t i = 0; i < feed->len; i++)
		if (write(feed->fd, feed->bytes + i, 1) != 1)
			break;
	close(feed->fd);
	return NULL;
}

/* "1:abc|2:...!|": number, text, "!" behind one that is too long. */
static void
read_all(struct window *window, struct text *out)
{
	struct lines lines;
	struct line line;
	struct err err;

	lines_init(&lines, window, LINE_MAX_BYTES);
	for (;;) {
		assert_int_equal(lines_next(&lines, &line, &err), ERR_OK);
		if (line.is_end)
			break;
		text_addf(out, "%lld@%lld:", (long long)line.number,
		          (long long)line.offset);
		text_add_bytes(out, line.bytes, line.len);
		text_add(out, line.is_too_long ? "!|" : "|");
	}
	window_fini(window);
}

static void
check(const char *bytes, size_t len, const char *wanted)
{
	struct feed feed = { .bytes = bytes, .len = len };
	char *tight = malloc(len > 0 ? len : 1);
	struct window window;
	struct text out;
	pthread_t thread;
	int ends[2];

	memcpy(tight, bytes, len);
	text_init(&out, 10000);
	window_init_bytes(&window, tight, len);
	read_all(&window, &out);
	assert_string_equal(text_string(&out), wanted);
	free(tight);

	assert_int_equal(pipe(ends), 0);
	feed.fd = ends[1];
	assert_int_equal(pthread_create(&thread, NULL, write_slowly, &feed), 0);
	text_reset(&out);
	window_init_fd(&window, ends[0], LINE_MAX_BYTES + 2);
	read_all(&window, &out);
	assert_string_equal(text_string(&out), wanted);
	pthread_join(thread, NULL);
	close(ends[0]);
	text_fini(&out);
}

#define LINES(bytes, wanted) check(bytes, sizeof(bytes) - 1, wanted)

static void
test_lines(void **state)
{
	LINES("", "");
	LINES("a", "1@0:a|");
	LINES("a\n", "1@0:a|");
	LINES("a\nbc\r\n\n\r\nd", "1@0:a|2@2:bc|3@6:|4@7:|5@9:d|");
	LINES("\xef\xbb\xbf"
	      "a\n\xef\xbb\xbf",
	      "1@3:a|2@5:\xef\xbb\xbf|");
	LINES("\xef\xbb\xbf", "");
	LINES("a\rb\n", "1@0:a\rb|");
	LINES("12345\n1234\r\n12345\r\n", "1@0:12345|2@6:1234|3@12:12345|");
}

static void
test_long_lines(void **state)
{
	LINES("123456\na\n", "1@0:12345!|2@7:a|");
	LINES("1234567\na\n", "1@0:12345!|2@8:a|");
	LINES("12345678901234567890\na", "1@0:12345!|2@21:a|");
	LINES("a\n12345678901234567890", "1@0:a|2@2:12345!|");
	LINES("12345678901234\n12345678901234\n", "1@0:12345!|2@15:12345!|");
}

static void
test_an_error_of_reading_is_told(void **state)
{
	struct window window;
	struct lines lines;
	struct line line;
	struct err err;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	window_init_fd(&window, ends[1], 100); /* an end to write to */
	lines_init(&lines, &window, 10);
	assert_int_equal(lines_next(&lines, &line, &err), ERR_IO);
	assert_non_null(strstr(err.text, strerror(EBADF)));
	window_fini(&window);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_an_error_of_reading_is_told),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
