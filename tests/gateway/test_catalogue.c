/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue that a daemon follows, against a real Postgres that changes,
 * goes down, and comes back.
 */
#include "gateway/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "base/model/deployment.h"
#include "base/runtime/clock.h"
#include "base/runtime/text.h"
#include "gateway/road_metric.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

static struct catalogue *
open_catalogue(void)
{
	const struct catalogue_options options = {
		.conninfo = roadbase_conninfo(),
		.role = "waybill_daemon",
		.timeout_ms = 5000,
	};
	struct catalogue *catalogue = NULL;
	struct err err = { .code = ERR_OK };

	if (catalogue_open(&options, &catalogue, &err) != ERR_OK)
		fail_msg("%s", err.text);
	return catalogue;
}

static bool
reaches(const struct catalogue *catalogue, int64_t version)
{
	for (int i = 0; i < 1500; i++) {
		if (catalogue_version(catalogue) >= version)
			return true;
		clock_sleep_ms(10);
	}
	return false;
}

static void
follows_changes(void **state)
{
	struct catalogue *catalogue = open_catalogue();
	const struct deployment *before = catalogue_take(catalogue), *now;

	assert_non_null(deployment_feed(before, "us", "sales")->contract);
	roadbase_run("update waybill.tenant set title = 'States'"
	             " where tenant = 'us'");
	roadbase_changed();
	assert_true(reaches(catalogue, before->version + 1));
	now = catalogue_take(catalogue);
	assert_string_equal(now->tenants[1].title, "States");
	assert_string_equal(before->tenants[1].title, "US");
	/* compiled once */
	assert_ptr_equal(deployment_feed(before, "us", "sales")->contract,
	                 deployment_feed(now, "us", "sales")->contract);
	catalogue_close(&catalogue);
	deployment_unref(&before);
	deployment_unref(&now);
}

/* The daemon must outlive a Postgres that is away for several attempts. */
static void
outlives_a_postgres_that_is_away(void **state)
{
	struct catalogue *catalogue = open_catalogue();
	int64_t version = catalogue_version(catalogue);

	roadbase_crash();
	clock_sleep_ms(3500);
	assert_int_equal(catalogue_version(catalogue), version);
	roadbase_restart();
	roadbase_changed();
	assert_true(reaches(catalogue, version + 1));
	catalogue_close(&catalogue);
}

static void
closes_while_postgres_is_away(void **state)
{
	struct catalogue *catalogue = open_catalogue();
	int64_t begun_us;

	roadbase_crash();
	clock_sleep_ms(1500);
	begun_us = clock_now_us();
	catalogue_close(&catalogue);
	assert_true(clock_now_us() - begun_us < 8000000);
	roadbase_restart();
}

/* What an upgrade may do: the contract was let in by an older compiler. */
static void
counts_feeds_without_a_contract(void **state)
{
	struct catalogue *catalogue;
	struct text page;

	roadbase_run("update waybill.contract set avsc = '{'"
	             " where tenant = 'us'");
	catalogue = open_catalogue();
	text_init(&page, 65536);
	metric_print(&page);
	assert_non_null(strstr(text_string(&page),
	                       "\nwaybill_feeds_without_contract 2\n"));
	roadbase_run("update waybill.contract set avsc = '\"int\"'"
	             " where tenant = 'us'");
	roadbase_changed();
	assert_true(reaches(catalogue, 2));
	clock_sleep_ms(50);
	text_reset(&page);
	metric_print(&page);
	assert_non_null(strstr(text_string(&page),
	                       "\nwaybill_feeds_without_contract 0\n"));
	text_fini(&page);
	catalogue_close(&catalogue);
}

static const char *
property(const struct deployment *deployment, const char *name)
{
	const struct cluster *cluster = deployment_cluster(deployment, "main");

	for (size_t i = 0; i < cluster->property_count; i++) {
		if (strcmp(cluster->properties[i].name, name) == 0)
			return cluster->properties[i].value;
	}
	return NULL;
}

/* As they go to librdkafka: what is secret out of its file, the newline of
   whoever wrote it taken off. */
static void
reads_secrets_from_their_files(void **state)
{
	char path[] = "/tmp/waybill-secret.XXXXXX";
	int fd = mkstemp(path);
	struct catalogue *catalogue;
	const struct deployment *deployment;

	assert_int_equal(write(fd, "p w\n", 4), 4);
	close(fd);
	roadbase_run("update waybill.cluster set"
	             " properties = '{\"security.protocol\": \"sasl_ssl\"}',"
	             " properties_secret = '{\"sasl.password\": \"%s\"}'",
	             path);
	catalogue = open_catalogue();
	deployment = catalogue_take(catalogue);
	assert_string_equal(property(deployment, "security.protocol"),
	                    "sasl_ssl");
	assert_string_equal(property(deployment, "sasl.password"), "p w");
	catalogue_close(&catalogue);
	deployment_unref(&deployment);
	unlink(path);
}

static void
says_which_secret_cannot_be_read(void **state)
{
	const struct catalogue_options options = {
		.conninfo = roadbase_conninfo(),
		.role = "waybill_daemon",
		.timeout_ms = 5000,
	};
	struct catalogue *catalogue = NULL;
	struct err err = { .code = ERR_OK };

	roadbase_run("update waybill.cluster set properties_secret ="
	             " '{\"sasl.password\": \"/nowhere/password\"}'");
	assert_int_equal(catalogue_open(&options, &catalogue, &err),
	                 ERR_CONFIG);
	assert_non_null(strstr(err.text, "sasl.password"));
	assert_non_null(strstr(err.text, "/nowhere/password"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(follows_changes, roadbase_begin,
		                                roadbase_end),
		cmocka_unit_test_setup_teardown(
			outlives_a_postgres_that_is_away, roadbase_begin,
			roadbase_end),
		cmocka_unit_test_setup_teardown(closes_while_postgres_is_away,
		                                roadbase_begin, roadbase_end),
		cmocka_unit_test_setup_teardown(counts_feeds_without_a_contract,
		                                roadbase_begin, roadbase_end),
		cmocka_unit_test_setup_teardown(reads_secrets_from_their_files,
		                                roadbase_begin, roadbase_end),
		cmocka_unit_test_setup_teardown(
			says_which_secret_cannot_be_read, roadbase_begin,
			roadbase_end),
	};

	metric_register(road_metric_table, road_metric_count);
	return roadbase_main(120, tests, sizeof(tests) / sizeof(tests[0]));
}
