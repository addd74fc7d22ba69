/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The same bytes are the same file, by whatever way they come; a name is never
 * some file's bytes.
 */
#include "gateway/file/fileid.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit.h"

/* SHA-256 of "abc". */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static int
file_with(const char *text)
{
	char path[] = "/tmp/test_fileid.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
	return fd;
}

static void
test_digest_of_a_file_is_taken_from_its_beginning(void **state)
{
	char id[FILEID_TEXT_MAX];
	int fd = file_with("abc");
	struct err err;

	assert_int_equal(fileid_of_fd(fd, id, &err), ERR_OK);
	assert_string_equal(id, ABC);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
}

static void
test_what_is_spooled_is_the_same_file(void **state)
{
	char id[FILEID_TEXT_MAX], content[8] = "";
	int from[2], fd = -1;
	struct err err;

	assert_int_equal(pipe(from), 0);
	assert_int_equal(write(from[1], "abc", 3), 3);
	close(from[1]);
	assert_int_equal(fileid_spool(from[0], &fd, id, &err), ERR_OK);
	assert_string_equal(id, ABC);
	assert_int_equal(read(fd, content, sizeof(content)), 3);
	assert_string_equal(content, "abc");
	close(fd);
	close(from[0]);
}

static void
test_a_name_is_another_file_than_its_bytes(void **state)
{
	char id[FILEID_TEXT_MAX], again[FILEID_TEXT_MAX];

	fileid_of_name("abc", id);
	fileid_of_name("abc", again);
	assert_string_equal(id, again);
	assert_string_not_equal(id, ABC);
	assert_int_equal(strspn(id, "0123456789abcdef"), 64);
	fileid_of_name("abd", again);
	assert_string_not_equal(id, again);
}

static void
test_what_cannot_be_read_is_an_error(void **state)
{
	char id[FILEID_TEXT_MAX];
	struct err err;

	assert_int_equal(fileid_of_fd(-1, id, &err), ERR_IO);
}

static void
test_formats_by_name(void **state)
{
	enum records_format format = RECORDS_CSV;

	assert_true(fileid_guess_format("a/b.avro", &format));
	assert_int_equal(format, RECORDS_CONTAINER);
	assert_true(fileid_guess_format("b.jsonl", &format));
	assert_int_equal(format, RECORDS_NDJSON);
	assert_true(fileid_guess_format("b.ndjson", &format));
	assert_true(fileid_guess_format("b.c.csv", &format));
	assert_int_equal(format, RECORDS_CSV);
	assert_false(fileid_guess_format(".csv", &format));
	assert_false(fileid_guess_format("b.csv.part", &format));
	assert_true(fileid_parse_format("avro", &format));
	assert_false(fileid_parse_format("xml", &format));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_digest_of_a_file_is_taken_from_its_beginning),
		cmocka_unit_test(test_what_is_spooled_is_the_same_file),
		cmocka_unit_test(test_a_name_is_another_file_than_its_bytes),
		cmocka_unit_test(test_what_cannot_be_read_is_an_error),
		cmocka_unit_test(test_formats_by_name),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
