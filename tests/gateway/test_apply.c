/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * waybill apply against a real Postgres, and the snapshot that daemons load
 * of what it wrote. No Kafka answers here: topics are then not checked.
 */
#include "gateway/apply.h"

#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/deployment.h"
#include "base/runtime/check.h"
#include "base/runtime/digest.h"
#include "contracts/contract.h"
#include "tests/gateway/applybase.h"
#include "tests/gateway/files.h"
#include "tests/unit.h"
static const struct apply_options plain = { 0 };

static void
refused_as_poor(const char *what)
{
	struct apply_result result;
	struct err err;

	apply_result_init(&result);
	assert_int_equal(applybase_try(plain, &result, &err), ERR_PRIVILEGE);
	if (strstr(err.text, what) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", what, err.text);
	apply_result_fini(&result);
}

#define FIRST                                                                  \
	"+ deployment test (lanes 2, durability development)\n"                \
	"+ cluster main (bootstrap 127.0.0.1:1, roles input, output)\n"        \
	"+ tenant us (title United States)\n"                                  \
	"+ contract us: us/sales/1\n"                                          \
	"+ feed us/sales (contract us/sales/1, input main/us.sales.in, "       \
	"output us.sales, clusters main, dead-letter us.sales.dead, "          \
	"dead-letter-partitions 4, partitions 8, message-bytes-max "           \
	"1000000)\n"

static void
second_time_changes_nothing(void **state)
{
	applybase_applied((struct apply_options){ .dry_run = true }, FIRST);
	assert_int_equal(
		applybase_number("select count(*) from waybill.deployment"), 0);
	applybase_applied(plain, FIRST);
	assert_int_equal(applybase_number("select waybill.catalogue_version()"),
	                 1);
	assert_int_equal(applybase_number("select count(*) from waybill.lane"),
	                 2);
	applybase_applied(plain, "");
	applybase_applied((struct apply_options){ .prune = true }, "");
	assert_int_equal(applybase_number("select waybill.catalogue_version()"),
	                 1);
}

static void
changed_contract_is_a_new_version(void **state)
{
	applybase_applied(plain, FIRST);
	files_put("us/sales.avsc", FILES_AVSC "\n");
	applybase_applied(plain,
	                  "+ contract us: us/sales/2\n"
	                  "~ feed us/sales (contract us/sales/1 -> "
	                  "us/sales/2)\n");
	/* Back to the old bytes is back to the old version. */
	files_put("us/sales.avsc", FILES_AVSC);
	applybase_applied(plain,
	                  "~ feed us/sales (contract us/sales/2 -> "
	                  "us/sales/1)\n");
	assert_int_equal(
		applybase_number("select count(*) from waybill.contract"), 2);
}

static void
quotas_come_and_go(void **state)
{
	const struct tenant *us;
	const struct deployment *current;
	struct deployment *loaded = NULL;
	struct err err;

	applybase_applied(plain, FIRST);
	files_put(
		"us.yaml",
		"quota: {messages-per-second: 500, bytes-per-second: 1MB}\n" FILES_TENANT
			FILES_FEED("sales", ""));
	applybase_applied(plain,
	                  "~ tenant us (quota.messages-per-second none -> 500, "
	                  "quota.bytes-per-second none -> 1048576, "
	                  "quota.burst-seconds none -> 10)\n");
	applybase_applied(plain, "");
	assert_true(deployment_load(applybase_conn(), NULL, NULL, &loaded,
	                            &err) == ERR_OK);
	current = loaded;
	us = deployment_tenant(current, "us");
	assert_int_equal(us->quota_messages_per_second, 500);
	assert_int_equal(us->quota_bytes_per_second, 1048576);
	assert_int_equal(us->quota_burst_seconds, 10);
	assert_null(deployment_tenant(current, "u"));
	deployment_unref(&current);
	files_put("us.yaml", FILES_TENANT FILES_FEED("sales", ""));
	applybase_applied(plain,
	                  "~ tenant us (quota.messages-per-second 500 -> none, "
	                  "quota.bytes-per-second 1048576 -> none, "
	                  "quota.burst-seconds 10 -> none)\n");
}

static void
two_feeds_share_a_new_version(void **state)
{
	files_put("us.yaml",
	          FILES_TENANT FILES_FEED("sales", "") FILES_FEED("stock", ""));
	{
		struct apply_result result;
		struct err err;

		apply_result_init(&result);
		if (applybase_try(plain, &result, &err) != ERR_OK)
			fail_msg("%s", err.text);
		apply_result_fini(&result);
	}
	assert_int_equal(
		applybase_number("select count(*) from waybill.contract"), 1);
	assert_int_equal(applybase_number("select count(*) from waybill.feed"),
	                 2);
	applybase_applied(plain, "");
}

static void
what_stays_is_refused(void **state)
{
	applybase_applied(plain, FIRST);
	files_put("deployment.yaml",
	          "deployment: test\nlanes: 3\ndurability: development\n---\n"
	          "cluster: main\nbootstrap: 127.0.0.1:1\n"
	          "roles: [input, output]\n");
	applybase_refused(ERR_CONFLICT,
	                  "deployment.yaml:1: deployment test: lanes is 2 "
	                  "and cannot become 3");
	files_put("deployment.yaml", "deployment: other\nlanes: 2\n");
	applybase_refused(ERR_CONFLICT,
	                  "this Postgres belongs to deployment test");
	files_put("deployment.yaml", FILES_DEPLOYMENT);
	files_put("us.yaml",
	          "tenant: us\nfeeds:\n"
	          "  - feed: sales\n    contract: us/sales.avsc\n"
	          "    output: {topic: us.sales}\n"
	          "    dead-letter: {topic: us.sales.dead}\n"
	          "    partitions: 16\n");
	applybase_refused(ERR_CONFLICT,
	                  "us.yaml:3: feed us/sales: partitions is 8 and "
	                  "cannot become 16");
	applybase_refused(ERR_CONFLICT,
	                  "dead-letter-partitions is 4 and cannot become "
	                  "1");
}

static void
prune_removes_and_keeps_history(void **state)
{
	applybase_applied(plain, FIRST);
	files_put("us.yaml", FILES_TENANT);
	applybase_applied(plain,
	                  "= feed us/sales is not in the files; it is kept\n");
	applybase_applied((struct apply_options){ .prune = true },
	                  "- feed us/sales\n");
	assert_int_equal(
		applybase_number("select count(*) from waybill.feed where "
	                         "removed_at is not null"),
		1);
	applybase_applied((struct apply_options){ .prune = true }, "");
	files_put("us.yaml", FILES_TENANT FILES_FEED("sales", ""));
	applybase_applied(
		plain,
		"+ feed us/sales (contract us/sales/1, input "
		"main/us.sales.in, output us.sales, clusters main, "
		"dead-letter us.sales.dead, dead-letter-partitions 4, "
		"partitions 8, message-bytes-max 1000000)\n");
	assert_int_equal(
		applybase_number("select count(*) from waybill.feed where "
	                         "removed_at is null"),
		1);
}

/* A folder that only adds a tenant knows the clusters of Postgres. */
static void
tenant_is_added_alone(void **state)
{
	applybase_applied(plain, FIRST);
	files_end();
	files_begin();
	files_put("ca/sales.avsc", FILES_AVSC);
	files_put("ca.yaml",
	          "tenant: ca-west\nfeeds:\n  - feed: sales\n"
	          "    contract: ca/sales.avsc\n"
	          "    input: {cluster: main, topic: ca.in}\n"
	          "    output: {topic: ca.out}\n"
	          "    dead-letter: {topic: ca.dead}\n    partitions: 2\n");
	applybase_applied(
		plain,
		"= cluster main is not in the files; it is kept\n"
		"+ tenant ca-west\n"
		"= tenant us is not in the files; it is kept\n"
		"+ contract ca-west: ca/sales/1\n"
		"+ feed ca-west/sales (contract ca/sales/1, input main/ca.in, "
		"output ca.out, clusters main, dead-letter ca.dead, "
		"dead-letter-partitions 1, partitions 2, message-bytes-max "
		"1000000)\n"
		"= feed us/sales is not in the files; it is kept\n");
	assert_int_equal(
		applybase_number("select count(*) from waybill.tenant_grant "
	                         "where role = 'waybill_read_ca_west' and "
	                         "tenant = 'ca-west'"),
		1);
	files_put("ca.yaml",
	          "tenant: ca-west\nfeeds:\n  - feed: sales\n"
	          "    contract: ca/sales.avsc\n"
	          "    output: {topic: us.sales}\n"
	          "    dead-letter: {topic: ca.dead}\n    partitions: 2\n");
	applybase_refused_keeping(
		ERR_CONFIG, "us.sales is the output of feed us/sales already");
}

static void
who_lacks_a_right_is_told_which(void **state)
{
	char warnings[4096];

	/* No other test makes this tenant's role. */
	files_put("us.yaml",
	          "tenant: poor-land\nfeeds:\n" FILES_FEED("sales", ""));
	applybase_run("create role poor; set role poor");
	refused_as_poor("GRANT waybill_owner TO poor");
	applybase_run("reset role; grant waybill_read to poor; set role poor");
	refused_as_poor("GRANT waybill_owner TO poor");
	applybase_run("reset role; grant waybill_owner to poor; set role poor");
	refused_as_poor("ALTER ROLE poor CREATEROLE");
	applybase_run("reset role; alter role poor createrole; set role poor");
	applybase_quietly(false, warnings, sizeof(warnings));
	applybase_run("reset role");
	assert_int_equal(applybase_number("select count(*) from "
	                                  "waybill.catalogue_change"),
	                 1);
}

static void
daemons_are_told(void **state)
{
	struct pgconn *listener;
	char payload[64];
	bool came = false;
	struct err err;

	listener = applybase_connect();
	assert_int_equal(
		pgconn_exec(listener, "listen waybill_catalogue", &err),
		ERR_OK);
	applybase_applied(plain, FIRST);
	assert_int_equal(pgconn_wait_notification(listener, 5000, &came,
	                                          payload, sizeof(payload),
	                                          &err),
	                 ERR_OK);
	assert_true(came);
	assert_string_equal(payload, "1");
	pgconn_close(&listener);
}

/* -- the snapshot ------------------------------------------------------------ */

static int compiled;

static enum err_code
compile(int32_t id, const char *name, int32_t version, const char *avsc,
        struct contract **out, struct err *err)
{
	enum err_code code =
		contract_compile(id, name, version, avsc, out, err);

	compiled += code == ERR_OK;
	return code;
}

static void
release(struct contract **contract)
{
	compiled--;
	contract_free(contract);
}

static const struct deployment_contracts counting = { compile, release };

static const struct deployment *
load(const struct deployment *previous)
{
	struct deployment *deployment = NULL;
	struct err err;

	if (deployment_load(applybase_conn(), &counting, previous, &deployment,
	                    &err) != ERR_OK)
		fail_msg("%s", err.text);
	return deployment;
}

static void
snapshot_shares_contracts(void **state)
{
	const struct deployment *first, *second, *kept;
	struct deployment *none = NULL;
	const struct feed *feed;
	struct err err;

	assert_int_equal(
		deployment_load(applybase_conn(), &counting, NULL, &none, &err),
		ERR_MIGRATION);
	applybase_applied(plain, FIRST);
	first = load(NULL);
	assert_int_equal(compiled, 1);
	feed = deployment_feed(first, "us", "sales");
	assert_non_null(feed);
	assert_null(deployment_feed(first, "us", "stock"));
	assert_null(deployment_feed(first, "ca", "sales"));
	assert_string_equal(feed->output_topic, "us.sales");
	assert_ptr_equal(feed->input_cluster,
	                 deployment_cluster(first, "main"));
	assert_int_equal(feed->outputs, 1);
	assert_int_equal(feed->partitions, 8);
	assert_non_null(feed->contract);
	assert_true(first->development);
	assert_int_equal(first->version, 1);

	files_put("us.yaml",
	          FILES_TENANT FILES_FEED("sales", "") FILES_FEED("stock", ""));
	applybase_applied(
		plain,
		"+ feed us/stock (contract us/sales/1, input "
		"main/us.stock.in, output us.stock, clusters main, "
		"dead-letter us.stock.dead, dead-letter-partitions 4, "
		"partitions 8, message-bytes-max 1000000)\n");
	second = load(first);
	assert_int_equal(compiled, 1);
	assert_int_equal(second->feed_count, 2);
	assert_memory_not_equal(first->digest, second->digest, 32);
	assert_ptr_equal(deployment_feed(second, "us", "sales")->contract,
	                 feed->contract);
	kept = deployment_ref(second);
	deployment_unref(&first);
	assert_null(first);
	deployment_unref(&second);
	assert_int_equal(compiled, 1);
	assert_string_equal(deployment_feed(kept, "us", "stock")->output_topic,
	                    "us.stock");
	deployment_unref(&kept);
	assert_int_equal(compiled, 0);
}

/* One feed whose contract does not compile disturbs no other, and what is
   recorded of it can still be found and sent. */
static void
broken_contract_keeps_its_feed(void **state)
{
	const struct deployment *deployment;

	files_put("us.yaml",
	          FILES_TENANT FILES_FEED("sales", "") FILES_FEED("stock", ""));
	{
		struct apply_result result;
		struct err err;

		apply_result_init(&result);
		if (applybase_try(plain, &result, &err) != ERR_OK)
			fail_msg("%s", err.text);
		apply_result_fini(&result);
	}
	applybase_run(
		"with c as (insert into waybill.contract (tenant, name, version, "
		"avsc, digest) values ('us', 'bad', 1, '{', '') returning "
		"contract) update waybill.feed set contract = (select contract "
		"from c) where feed = 'sales'");
	deployment = load(NULL);
	assert_int_equal(deployment->feed_count, 2);
	assert_string_equal(deployment->feeds[0].name, "sales");
	assert_null(deployment->feeds[0].contract);
	assert_non_null(deployment->feeds[0].contract_fault);
	assert_string_equal(deployment->feeds[0].output_topic, "us.sales");
	assert_string_equal(deployment->feeds[1].name, "stock");
	assert_int_equal(deployment->feeds[1].index, 1);
	assert_non_null(deployment->feeds[1].contract);
	assert_null(deployment->feeds[1].contract_fault);
	deployment_unref(&deployment);
	assert_int_equal(compiled, 0);
}

static void
removed_feed_still_delivers(void **state)
{
	const struct deployment *deployment;
	const struct feed *feed;

	applybase_applied(plain, FIRST);
	files_put("us.yaml", FILES_TENANT);
	applybase_applied((struct apply_options){ .prune = true },
	                  "- feed us/sales\n");
	deployment = load(NULL);
	feed = deployment_feed(deployment, "us", "sales");
	assert_non_null(feed);
	assert_true(feed->is_removed);
	assert_null(feed->input_topic);
	assert_null(feed->input_cluster);
	assert_string_equal(feed->output_topic, "us.sales");
	deployment_unref(&deployment);
}

static void
lanes_are_a_pure_function(void **state)
{
	const struct deployment deployment = { .lanes = 8 };
	const struct feed feed = { .tenant = "us", .name = "sales" };
	int lane = deployment_lane(&deployment, &feed, 0);

	/* Written down: it may never change. */
	assert_int_equal(
		lane, (int)((digest_murmur2("us/sales", 8) & 0x7fffffff) % 8));
	for (int i = 1; i < 100; i++)
		assert_int_equal(deployment_lane(&deployment, &feed, i),
		                 (lane + i) % 8);
}

int
main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, applybase_begin, applybase_end)
	const struct CMUnitTest tests[] = {
		TEST(second_time_changes_nothing),
		TEST(changed_contract_is_a_new_version),
		TEST(quotas_come_and_go),
		TEST(two_feeds_share_a_new_version),
		TEST(what_stays_is_refused),
		TEST(prune_removes_and_keeps_history),
		TEST(tenant_is_added_alone),
		TEST(who_lacks_a_right_is_told_which),
		TEST(daemons_are_told),
		TEST(snapshot_shares_contracts),
		TEST(broken_contract_keeps_its_feed),
		TEST(removed_feed_still_delivers),
		cmocka_unit_test(lanes_are_a_pure_function),
	};

	return applybase_main(tests, sizeof(tests) / sizeof(tests[0]));
}
