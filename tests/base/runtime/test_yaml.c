/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit.h"

static struct yaml *
load(const char *text)
{
	struct yaml *root = NULL;
	struct err err;

	if (yaml_load_text("x.yaml", text, strlen(text), &root, &err) != ERR_OK)
		fail_msg("%s", err.text);
	return root;
}

static void
assert_refused(const char *expected, const char *bytes, size_t len)
{
	struct yaml *root = (struct yaml *)1;
	struct err err = { ERR_OK, "" };

	assert_int_equal(ERR_CONFIG,
	                 yaml_load_text("x.yaml", bytes, len, &root, &err));
	assert_ptr_equal((struct yaml *)1, root); /* untouched */
	if (strncmp(err.text, expected, strlen(expected)) != 0)
		fail_msg("%s, not: %s", err.text, expected);
}

static void
test_tree_with_lines(void **state)
{
	struct yaml *root = load("# a comment\n"
	                         "lanes: 4\n"
	                         "postgres:\n"
	                         "  connection: 'host=a'\n"
	                         "list:\n"
	                         "  - one\n"
	                         "  - two: 2\n"
	                         "    three: \"3\"\n");
	const struct yaml *map = yaml_at(root, 0), *list;

	assert_int_equal(YAML_LIST, yaml_type(root));
	assert_int_equal(1, yaml_count(root));
	assert_int_equal(YAML_MAP, yaml_type(map));
	assert_string_equal("x.yaml", yaml_file(map));
	assert_int_equal(2, yaml_line(map));
	assert_int_equal(3, yaml_count(map));
	assert_string_equal("4", yaml_scalar(yaml_get(map, "lanes")));
	assert_string_equal("postgres", yaml_key_at(map, 1));
	assert_int_equal(3, yaml_key_line_at(map, 1));
	assert_int_equal(4, yaml_line(yaml_value_at(map, 1)));
	assert_string_equal(
		"host=a",
		yaml_scalar(yaml_get(yaml_get(map, "postgres"), "connection")));
	list = yaml_get(map, "list");
	assert_int_equal(2, yaml_count(list));
	assert_string_equal("one", yaml_scalar(yaml_at(list, 0)));
	assert_int_equal(8, yaml_key_line_at(yaml_at(list, 1), 1));
	assert_null(yaml_at(list, 2));
	yaml_free(&root);
	assert_null(root);
	yaml_free(&root);
}

static void
test_documents(void **state)
{
	struct yaml *root = load("");

	assert_int_equal(0, yaml_count(root));
	yaml_free(&root);
	root = load("# nothing\n");
	assert_int_equal(0, yaml_count(root));
	yaml_free(&root);
	root = load("a: 1\n---\nb: 2\n---\n- 3\n...\n");
	assert_int_equal(3, yaml_count(root));
	assert_string_equal("2", yaml_scalar(yaml_get(yaml_at(root, 1), "b")));
	assert_int_equal(3, yaml_line(yaml_at(root, 1)));
	assert_int_equal(YAML_LIST, yaml_type(yaml_at(root, 2)));
	yaml_free(&root);
	root = load("---\n---\na: 1\n");
	assert_int_equal(2, yaml_count(root));
	assert_true(yaml_is_null(yaml_at(root, 0)));
	yaml_free(&root);
}

static void
test_nulls(void **state)
{
	struct yaml *root = load("[~, null, Null, '', 'null', \"~\", nul, 0]");
	struct yaml *map = load("a:\nb: ''\n");
	const struct yaml *list = yaml_at(root, 0);
	static const bool nulls[] = { true,  true,  true,  false,
		                      false, false, false, false };

	assert_int_equal(8, yaml_count(list));
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(nulls[i], yaml_is_null(yaml_at(list, i)));
	assert_true(yaml_is_null(yaml_get(yaml_at(map, 0), "a")));
	assert_string_equal("", yaml_scalar(yaml_get(yaml_at(map, 0), "a")));
	assert_false(yaml_is_null(yaml_get(yaml_at(map, 0), "b")));
	assert_false(yaml_is_null(NULL));
	yaml_free(&root);
	yaml_free(&map);
}

static void
test_getters_of_another_type(void **state)
{
	struct yaml *root = load("[x, [y], {z: 1}]");
	const struct yaml *list = yaml_at(root, 0);

	assert_null(yaml_scalar(list));
	assert_null(yaml_scalar(NULL));
	assert_null(yaml_get(list, "x"));
	assert_null(yaml_get(NULL, "x"));
	assert_null(yaml_at(yaml_at(list, 0), 0));
	assert_null(yaml_at(yaml_at(list, 2), 0));
	assert_null(yaml_key_at(list, 0));
	assert_null(yaml_value_at(list, 0));
	assert_null(yaml_value_at(yaml_at(list, 2), 1));
	assert_int_equal(0, yaml_key_line_at(list, 0));
	assert_int_equal(0, yaml_count(NULL));
	assert_int_equal(0, yaml_count(yaml_at(list, 0)));
	yaml_free(&root);
}

static void
test_what_is_refused(void **state)
{
#define REFUSED(expected, text) assert_refused(expected, text, strlen(text))
	REFUSED("x.yaml:3: the key \"a\" stands here again, after line 1",
	        "a: 1\nb: 2\na: 3\n");
	REFUSED("x.yaml:1: the key \"a\" stands here again",
	        "{a: 1, \"a\": 2}");
	REFUSED("x.yaml:2: aliases are not supported", "a: &x 1\nb: *x\n");
	REFUSED("x.yaml:2: aliases are not supported", "a: &x b\n*x : 1\n");
	REFUSED("x.yaml:1: a key must be a text", "[a]: 1\n");
	REFUSED("x.yaml:1: a key must be a text", "? {a: 1}\n: 1\n");
	REFUSED("x.yaml:1: tags are not supported", "a: !!int 1\n");
	REFUSED("x.yaml:1: tags are not supported", "a: !x [1]\n");
	REFUSED("x.yaml:1: tags are not supported", "!!str a: 1\n");
	REFUSED("x.yaml:2: a text must not hold a NUL byte",
	        "\na: \"x\\0y\"\n");
	REFUSED("x.yaml:2: ", "a: 1\n\tb: 2\n");
	REFUSED("x.yaml:2: ", "a: [1\n");
	REFUSED("x.yaml:1: ", "a: b: c\n");
	REFUSED("x.yaml:3: ", "a: 1\nb: 2\nc: \xff\xfe\n");
	REFUSED("x.yaml:1: ", "%YAML 3.0\n---\na\n");
	assert_refused("x.yaml:1: ", "a\0b", 3);
}

static void
test_depth(void **state)
{
	char text[200];
	struct yaml *root;

	memset(text, '[', 32);
	memset(text + 32, ']', 32);
	text[64] = '\0';
	root = load(text);
	yaml_free(&root);
	memset(text, '[', 33);
	memset(text + 33, ']', 33);
	text[66] = '\0';
	REFUSED("x.yaml:1: nested deeper than 32", text);
	memset(text, '[', 199);
	text[199] = '\0';
	REFUSED("x.yaml:1: nested deeper than 32", text);
}

static void
test_keys_are_bounded(void **state)
{
	static char text[200000];
	size_t len = 0;
	struct yaml *root;

	for (int i = 0; i < 10000; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		                        "k%d: %d\n", i, i);
	root = load(text);
	assert_int_equal(10000, yaml_count(yaml_at(root, 0)));
	yaml_free(&root);
	snprintf(text + len, sizeof(text) - len, "k: 1\n");
	REFUSED("x.yaml:10001: a map has too many keys", text);
}

static void
test_file(void **state)
{
	char folder[] = "/tmp/waybill-yaml-XXXXXX", path[64], missing[64];
	struct yaml *root = NULL;
	struct err err = { ERR_OK, "" };
	FILE *file;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.yaml", folder);
	snprintf(missing, sizeof(missing), "%s/b.yaml", folder);
	file = fopen(path, "w");
	for (int i = 0; i < 5000; i++)
		fprintf(file, "- %d\n", i);
	fclose(file);
	assert_int_equal(ERR_OK, yaml_load_file(path, &root, &err));
	assert_int_equal(5000, yaml_count(yaml_at(root, 0)));
	assert_string_equal("4999",
	                    yaml_scalar(yaml_at(yaml_at(root, 0), 4999)));
	assert_string_equal(path, yaml_file(yaml_at(root, 0)));
	yaml_free(&root);
	assert_int_equal(ERR_IO, yaml_load_file(missing, &root, &err));
	assert_non_null(strstr(err.text, missing));
	assert_int_equal(ERR_IO, yaml_load_file(folder, &root, &err));
	assert_int_equal(0, truncate(path, (off_t)17 << 20));
	assert_int_equal(ERR_TOO_LARGE, yaml_load_file(path, &root, &err));
	assert_null(root);
	unlink(path);
	rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree_with_lines),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_nulls),
		cmocka_unit_test(test_getters_of_another_type),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_keys_are_bounded),
		cmocka_unit_test(test_file),
	};

	unit_alarm(30);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
