/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "gateway/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime/text.h"
#include "contracts/contract.h"
#include "tests/gateway/files.h"
#include "tests/unit.h"

static const struct deployment_contracts contracts = {
	.compile = contract_compile,
	.free = contract_free,
};

static int
begin(void **state)
{
	files_begin();
	files_put("deployment.yaml", FILES_DEPLOYMENT);
	files_put("us/sales.avsc", FILES_AVSC);
	files_put("us.yaml", FILES_TENANT FILES_FEED("sales", ""));
	return 0;
}

static int
end(void **state)
{
	files_end();
	return 0;
}

static struct manifest *
load(void)
{
	struct manifest *manifest = NULL;
	struct err err;

	if (manifest_load(files_folder, &contracts, NULL, false, &manifest,
	                  &err) != ERR_OK)
		fail_msg("%s", err.text);
	return manifest;
}

/* The folder is refused, and the text names what: file, line, key. */
static void
refused(const char *what)
{
	struct manifest *manifest = NULL;
	struct err err;

	assert_int_equal(manifest_load(files_folder, &contracts, NULL, false,
	                               &manifest, &err),
	                 ERR_CONFIG);
	if (strstr(err.text, what) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", what, err.text);
	assert_null(manifest);
}

static void
reads_all_kinds(void **state)
{
	struct manifest *manifest = load();

	assert_string_equal(manifest->deployment->name, "test");
	assert_int_equal(manifest->deployment->lanes, 2);
	assert_int_equal(manifest->deployment->durability, 1);
	assert_int_equal(manifest->cluster_count, 1);
	assert_int_equal(manifest->tenant_count, 1);
	assert_int_equal(manifest->feed_count, 1);
	assert_string_equal(manifest->feeds[0].tenant, "us");
	assert_string_equal(manifest->feeds[0].contract_name, "us/sales");
	assert_string_equal(manifest->feeds[0].avsc, FILES_AVSC);
	assert_int_equal(manifest->feeds[0].message_bytes_max, 1000000);
	assert_true(manifest_feed_goes_to(&manifest->feeds[0],
	                                  &manifest->clusters[0]));
	manifest_free(&manifest);
	assert_null(manifest);
}

static void
environment_is_expanded(void **state)
{
	struct manifest *manifest;

	files_put(
		"deployment.yaml",
		"cluster: main\nbootstrap: \"${WAYBILL_A}:1,${WAYBILL_A}:2\"\n"
		"roles: [input, output]\n");
	unsetenv("WAYBILL_A");
	refused("deployment.yaml:2: bootstrap: WAYBILL_A is not set");
	setenv("WAYBILL_A", "host", 1);
	manifest = load();
	assert_string_equal(manifest->clusters[0].bootstrap, "host:1,host:2");
	manifest_free(&manifest);
}

static void
names_file_line_and_key(void **state)
{
	files_put("us.yaml",
	          FILES_TENANT FILES_FEED("sales", "    partitons: 9\n"));
	refused("us.yaml:10: partitons: unknown key (did you mean "
	        "partitions?)");
	files_put("us.yaml", "tenant: Us\n");
	refused("us.yaml:1: tenant: \"Us\" must be 1 to 40 of a-z");
	files_put("us.yaml", "tenant: us_west\n");
	refused("\"us_west\" must be");
	files_put("us.yaml", "feeds: []\n");
	refused("us.yaml:1: must have the key deployment, cluster or tenant");
	files_put("us.yaml", "tenant: us\nfeeds: 5\n");
	refused("us.yaml:2: feeds: must be a list of maps");
}

static void
topics_belong_to_one_feed(void **state)
{
	files_put("us.yaml",
	          FILES_TENANT FILES_FEED("sales", "") FILES_FEED("stock", ""));
	files_put("ca.yaml",
	          "tenant: ca\nfeeds:\n"
	          "  - feed: sales\n    contract: us/sales.avsc\n"
	          "    output: {topic: us.sales.in}\n"
	          "    dead-letter: {topic: ca/dead}\n    partitions: 1\n");
	refused("us.sales.in is the output of feed ca/sales already: a topic "
	        "belongs to one feed");
	refused("ca.yaml:6: topic: \"ca/dead\" must be 1 to 249");
}

static void
references_must_exist(void **state)
{
	files_put("deployment.yaml",
	          "cluster: main\nbootstrap: a:1\n"
	          "roles: [input]\n");
	refused("us.yaml:7: output: there is no cluster with the role output");
	files_put("deployment.yaml",
	          "cluster: other\nbootstrap: a:1\n"
	          "roles: [output]\n");
	refused("us.yaml:6: cluster: main is no cluster with the role input");
	files_put("deployment.yaml", FILES_DEPLOYMENT);
	files_put("us.yaml",
	          "tenant: us\nfeeds:\n  - feed: sales\n"
	          "    contract: us/none.avsc\n"
	          "    output: {topic: a, clusters: [nowhere]}\n"
	          "    dead-letter: {topic: b}\n    partitions: 1\n");
	refused("us.yaml:4: contract: ");
	refused("us/none.avsc: No such file");
	refused("us.yaml:5: clusters: nowhere is no cluster");
}

static void
contracts_are_compiled(void **state)
{
	files_put("us/sales.avsc", "{\"type\":\"recor\"}");
	refused("us.yaml:5: contract: us/sales.avsc: ");
}

static void
twice_is_refused(void **state)
{
	files_put("again.yaml", FILES_DEPLOYMENT);
	refused("deployment: stands in ");
	refused("cluster: main stands in ");
	files_put("again.yaml", "tenant: us\n");
	refused("tenant: us stands in ");
}

static void
secrets_stay_out_of_properties(void **state)
{
	files_put("deployment.yaml",
	          "cluster: main\nbootstrap: a:1\nroles: [input, output]\n"
	          "properties: {sasl.password: x}\n");
	refused("deployment.yaml:4: properties: sasl.password is a secret");
}

static void
empty_folder_is_an_error(void **state)
{
	struct manifest *manifest = NULL;
	char path[128];
	struct err err;

	snprintf(path, sizeof(path), "%s/us", files_folder);
	assert_int_equal(
		manifest_load(path, NULL, NULL, false, &manifest, &err),
		ERR_CONFIG);
	assert_non_null(strstr(err.text, "has no *.yaml"));
	assert_int_equal(manifest_load("/nonexistent", NULL, NULL, false,
	                               &manifest, &err),
	                 ERR_CONFIG);
}

static void
many_faults_are_cut(void **state)
{
	struct text text;

	text_init(&text, 65536);
	for (int i = 0; i < 30; i++)
		text_addf(&text, "tenant: UPPER%d\n---\n", i);
	files_put("many.yaml", text_string(&text));
	text_fini(&text);
	refused("many.yaml:1: tenant: ");
}

static void
reference_names_every_key(void **state)
{
	struct text text;

	text_init(&text, 65536);
	manifest_print_reference(&text);
	assert_non_null(strstr(text_string(&text), "dead-letter.partitions"));
	assert_non_null(strstr(text_string(&text), "durability"));
	text_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_all_kinds, begin, end),
		cmocka_unit_test_setup_teardown(environment_is_expanded, begin,
		                                end),
		cmocka_unit_test_setup_teardown(names_file_line_and_key, begin,
		                                end),
		cmocka_unit_test_setup_teardown(topics_belong_to_one_feed,
		                                begin, end),
		cmocka_unit_test_setup_teardown(references_must_exist, begin,
		                                end),
		cmocka_unit_test_setup_teardown(contracts_are_compiled, begin,
		                                end),
		cmocka_unit_test_setup_teardown(twice_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(secrets_stay_out_of_properties,
		                                begin, end),
		cmocka_unit_test_setup_teardown(empty_folder_is_an_error, begin,
		                                end),
		cmocka_unit_test_setup_teardown(many_faults_are_cut, begin,
		                                end),
		cmocka_unit_test(reference_names_every_key),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
