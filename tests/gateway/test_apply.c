/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * waybill apply against a real Postgres, and the snapshot that daemons load
 * of what it wrote. No Kafka answers here: topics are then not checked.
 */
#include "gateway/apply.h"

#include "base/io/pgconn.h"
#include "base/model/deployment.h"
#include "base/model/migration.h"
#include "base/runtime/check.h"
#include "base/runtime/digest.h"
#include "base/runtime/log.h"
#include "contracts/contract.h"
#include "tests/gateway/files.h"
#include "tests/support/postgres.h"
#include "tests/unit.h"

static struct postgres *server;
static struct pgconn *conn;
static int database_no;

static void
drop_line(const char *line, void *context)
{
}

static struct pgconn *
open_database(const char *name)
{
	struct pgconn_options options = { .timeout_ms = 60000 };
	char conninfo[512];
	struct pgconn *opened = NULL;
	struct err err;

	snprintf(conninfo, sizeof(conninfo), "host=%s user=postgres dbname=%s",
	         postgres_folder(server), name);
	options.conninfo = conninfo;
	if (pgconn_open(&options, &opened, &err) != ERR_OK)
		fail_msg("%s", err.text);
	return opened;
}

static void
run(const char *sql)
{
	struct err err;

	if (pgconn_exec(conn, sql, &err) != ERR_OK)
		fail_msg("%s", err.text);
}

static int64_t
number(const char *sql)
{
	struct pgstatement statement = { .sql = sql };
	struct pgrows *rows = NULL;
	struct err err;
	int64_t value;

	if (pgconn_query(conn, &statement, NULL, &rows, &err) != ERR_OK)
		fail_msg("%s", err.text);
	value = pgrows_int(rows, 0, 0);
	pgrows_free(&rows);
	return value;
}

static int
begin(void **state)
{
	struct pgconn *admin = open_database("postgres");
	char sql_dir[1024], sql[64];
	struct err err;

	snprintf(sql, sizeof(sql), "create database test%d", ++database_no);
	if (pgconn_exec(admin, sql, &err) != ERR_OK)
		fail_msg("%s", err.text);
	pgconn_close(&admin);
	snprintf(sql, sizeof(sql), "test%d", database_no);
	conn = open_database(sql);
	snprintf(sql_dir, sizeof(sql_dir), "%s/sql", getenv("WAYBILL_SOURCE"));
	if (migration_run(conn, sql_dir, &err) != ERR_OK)
		fail_msg("%s", err.text);
	files_begin();
	/* No Kafka cluster: whoever asks for topics waits 10 s for none. */
	files_put("deployment.yaml", FILES_DEPLOYMENT);
	files_put("us/sales.avsc", FILES_AVSC);
	files_put("us.yaml", FILES_TENANT FILES_FEED("sales", ""));
	return 0;
}

static int
end(void **state)
{
	files_end();
	pgconn_close(&conn);
	return 0;
}

static enum err_code
try_apply(struct apply_options options, struct apply_result *result,
          struct err *err)
{
	options.path = files_folder;
	options.skip_topics = true;
	return apply_run(conn, &options, result, err);
}

/* Applies; the difference for people must be this. */
static void
applied(struct apply_options options, const char *lines)
{
	struct apply_result result;
	struct err err;

	apply_result_init(&result);
	if (try_apply(options, &result, &err) != ERR_OK)
		fail_msg("%s", err.text);
	assert_string_equal(text_string(&result.lines), lines);
	assert_int_equal(
		result.is_applied,
		!options.dry_run &&
			result.added + result.changed + result.removed > 0);
	apply_result_fini(&result);
}

static void
refused_as(bool prune, enum err_code code, const char *what)
{
	int64_t before = number("select waybill.catalogue_version()");
	struct apply_result result;
	struct err err;

	apply_result_init(&result);
	assert_int_equal(try_apply((struct apply_options){ .prune = prune },
	                           &result, &err),
	                 code);
	if (strstr(err.text, what) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", what, err.text);
	assert_int_equal(number("select waybill.catalogue_version()"), before);
	apply_result_fini(&result);
}

static void
refused(enum err_code code, const char *what)
{
	refused_as(true, code, what);
}

static void
refused_keeping(enum err_code code, const char *what)
{
	refused_as(false, code, what);
}

static const struct apply_options plain = { 0 };

static void
refused_as_poor(const char *what)
{
	struct apply_result result;
	struct err err;

	apply_result_init(&result);
	assert_int_equal(try_apply(plain, &result, &err), ERR_PRIVILEGE);
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
	applied((struct apply_options){ .dry_run = true }, FIRST);
	assert_int_equal(number("select count(*) from waybill.deployment"), 0);
	applied(plain, FIRST);
	assert_int_equal(number("select waybill.catalogue_version()"), 1);
	assert_int_equal(number("select count(*) from waybill.lane"), 2);
	applied(plain, "");
	applied((struct apply_options){ .prune = true }, "");
	assert_int_equal(number("select waybill.catalogue_version()"), 1);
}

static void
changed_contract_is_a_new_version(void **state)
{
	applied(plain, FIRST);
	files_put("us/sales.avsc", FILES_AVSC "\n");
	applied(plain,
	        "+ contract us: us/sales/2\n"
	        "~ feed us/sales (contract us/sales/1 -> "
	        "us/sales/2)\n");
	/* Back to the old bytes is back to the old version. */
	files_put("us/sales.avsc", FILES_AVSC);
	applied(plain,
	        "~ feed us/sales (contract us/sales/2 -> "
	        "us/sales/1)\n");
	assert_int_equal(number("select count(*) from waybill.contract"), 2);
}

static void
quotas_come_and_go(void **state)
{
	const struct tenant *us;
	const struct deployment *current;
	struct deployment *loaded = NULL;
	struct err err;

	applied(plain, FIRST);
	files_put(
		"us.yaml",
		"quota: {messages-per-second: 500, bytes-per-second: 1MB}\n" FILES_TENANT
			FILES_FEED("sales", ""));
	applied(plain,
	        "~ tenant us (quota.messages-per-second none -> 500, "
	        "quota.bytes-per-second none -> 1048576, "
	        "quota.burst-seconds none -> 10)\n");
	applied(plain, "");
	assert_true(deployment_load(conn, NULL, NULL, &loaded, &err) == ERR_OK);
	current = loaded;
	us = deployment_tenant(current, "us");
	assert_int_equal(us->quota_messages_per_second, 500);
	assert_int_equal(us->quota_bytes_per_second, 1048576);
	assert_int_equal(us->quota_burst_seconds, 10);
	assert_null(deployment_tenant(current, "u"));
	deployment_unref(&current);
	files_put("us.yaml", FILES_TENANT FILES_FEED("sales", ""));
	applied(plain,
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
		if (try_apply(plain, &result, &err) != ERR_OK)
			fail_msg("%s", err.text);
		apply_result_fini(&result);
	}
	assert_int_equal(number("select count(*) from waybill.contract"), 1);
	assert_int_equal(number("select count(*) from waybill.feed"), 2);
	applied(plain, "");
}

static void
what_stays_is_refused(void **state)
{
	applied(plain, FIRST);
	files_put("deployment.yaml",
	          "deployment: test\nlanes: 3\ndurability: development\n---\n"
	          "cluster: main\nbootstrap: 127.0.0.1:1\n"
	          "roles: [input, output]\n");
	refused(ERR_CONFLICT,
	        "deployment.yaml:1: deployment test: lanes is 2 "
	        "and cannot become 3");
	files_put("deployment.yaml", "deployment: other\nlanes: 2\n");
	refused(ERR_CONFLICT, "this Postgres belongs to deployment test");
	files_put("deployment.yaml", FILES_DEPLOYMENT);
	files_put("us.yaml",
	          "tenant: us\nfeeds:\n"
	          "  - feed: sales\n    contract: us/sales.avsc\n"
	          "    output: {topic: us.sales}\n"
	          "    dead-letter: {topic: us.sales.dead}\n"
	          "    partitions: 16\n");
	refused(ERR_CONFLICT,
	        "us.yaml:3: feed us/sales: partitions is 8 and "
	        "cannot become 16");
	refused(ERR_CONFLICT,
	        "dead-letter-partitions is 4 and cannot become "
	        "1");
}

static void
prune_removes_and_keeps_history(void **state)
{
	applied(plain, FIRST);
	files_put("us.yaml", FILES_TENANT);
	applied(plain, "= feed us/sales is not in the files; it is kept\n");
	applied((struct apply_options){ .prune = true }, "- feed us/sales\n");
	assert_int_equal(number("select count(*) from waybill.feed where "
	                        "removed_at is not null"),
	                 1);
	applied((struct apply_options){ .prune = true }, "");
	files_put("us.yaml", FILES_TENANT FILES_FEED("sales", ""));
	applied(plain,
	        "+ feed us/sales (contract us/sales/1, input "
	        "main/us.sales.in, output us.sales, clusters main, "
	        "dead-letter us.sales.dead, dead-letter-partitions 4, "
	        "partitions 8, message-bytes-max 1000000)\n");
	assert_int_equal(number("select count(*) from waybill.feed where "
	                        "removed_at is null"),
	                 1);
}

/* A folder that only adds a tenant knows the clusters of Postgres. */
static void
tenant_is_added_alone(void **state)
{
	applied(plain, FIRST);
	files_end();
	files_begin();
	files_put("ca/sales.avsc", FILES_AVSC);
	files_put("ca.yaml",
	          "tenant: ca-west\nfeeds:\n  - feed: sales\n"
	          "    contract: ca/sales.avsc\n"
	          "    input: {cluster: main, topic: ca.in}\n"
	          "    output: {topic: ca.out}\n"
	          "    dead-letter: {topic: ca.dead}\n    partitions: 2\n");
	applied(plain,
	        "= cluster main is not in the files; it is kept\n"
	        "+ tenant ca-west\n"
	        "= tenant us is not in the files; it is kept\n"
	        "+ contract ca-west: ca/sales/1\n"
	        "+ feed ca-west/sales (contract ca/sales/1, input main/ca.in, "
	        "output ca.out, clusters main, dead-letter ca.dead, "
	        "dead-letter-partitions 1, partitions 2, message-bytes-max "
	        "1000000)\n"
	        "= feed us/sales is not in the files; it is kept\n");
	assert_int_equal(number("select count(*) from waybill.tenant_grant "
	                        "where role = 'waybill_read_ca_west' and "
	                        "tenant = 'ca-west'"),
	                 1);
	files_put("ca.yaml",
	          "tenant: ca-west\nfeeds:\n  - feed: sales\n"
	          "    contract: ca/sales.avsc\n"
	          "    output: {topic: us.sales}\n"
	          "    dead-letter: {topic: ca.dead}\n    partitions: 2\n");
	refused_keeping(ERR_CONFIG,
	                "us.sales is the output of feed us/sales already");
}

/* -- a feed where another one was ------------------------------------------- */

#define FEED(name, input, output, dead)                                        \
	"  - feed: " name "\n    contract: us/sales.avsc\n"                    \
	"    input: {cluster: main, topic: " input "}\n"                       \
	"    output: {topic: " output "}\n"                                    \
	"    dead-letter: {topic: " dead ", partitions: 4}\n"                  \
	"    partitions: 8\n"

static void
apply_quietly(bool prune, char *warnings, size_t size)
{
	struct apply_result result;
	struct err err;

	apply_result_init(&result);
	if (try_apply((struct apply_options){ .prune = prune }, &result,
	              &err) != ERR_OK)
		fail_msg("%s", err.text);
	snprintf(warnings, size, "%s", text_string(&result.warnings));
	apply_result_fini(&result);
}

/* Ten messages of us/sales in lane 1, forwarded up to seq. */
static void
record(int seq)
{
	char sql[1024];

	run("select waybill.journal_create_days(2);"
	    "insert into waybill.lane_day values (1, 1, waybill.today(), 1);"
	    "update waybill.lane set next_seq = 11 where lane = 1;"
	    "insert into waybill.block (day, lane, incarnation, first_seq,"
	    " count, tenant, feed, format, origin, event_time_min,"
	    " event_time_max, salt, event_times, bodies, sources,"
	    " source_offsets, verdicts, contracts, partitions, hashes)"
	    " select waybill.today(), 1, 1, 1 + 5 * i, 5, 'us', 'sales', 1, 0,"
	    " 0, 0, '', '{0}', array_fill(''::bytea, array[5]), '{1}',"
	    " array_fill(0::int8, array[5]), '{0}', '{1}', '{0}',"
	    " decode(repeat('00', 160), 'hex') from generate_series(0, 1) i");
	snprintf(sql, sizeof(sql),
	         "insert into waybill.route (lane, cluster, incarnation, seq,"
	         " state) values (1, 'main', 1, %d, 'down')",
	         seq);
	run(sql);
}

static void
removed_feed_keeps_its_partitions(void **state)
{
	char warnings[4096];

	apply_quietly(false, warnings, sizeof(warnings));
	files_put("us.yaml", FILES_TENANT);
	apply_quietly(true, warnings, sizeof(warnings));
	files_put("us.yaml",
	          "tenant: us\nfeeds:\n"
	          "  - feed: sales\n    contract: us/sales.avsc\n"
	          "    output: {topic: us.sales}\n"
	          "    dead-letter: {topic: us.sales.dead, partitions: 2}\n"
	          "    partitions: 16\n");
	refused(ERR_CONFLICT,
	        "us.yaml:3: feed us/sales: partitions was 8 when the feed was "
	        "removed and cannot become 16");
	refused(ERR_CONFLICT,
	        "us.yaml:3: feed us/sales: dead-letter.partitions was 4");
	files_put("us.yaml", FILES_TENANT FILES_FEED("sales", ""));
	apply_quietly(false, warnings, sizeof(warnings));
}

/* Nothing was ever recorded: nothing can be mixed up. */
static void
topics_of_an_unused_feed_pass_on(void **state)
{
	char warnings[4096];

	apply_quietly(false, warnings, sizeof(warnings));
	files_put("us.yaml",
	          FILES_TENANT FEED("till", "us.sales.in", "us.sales",
	                            "us.sales.dead"));
	refused_keeping(ERR_CONFIG, "of feed us/sales already");
	apply_quietly(true, warnings, sizeof(warnings));
	assert_string_equal(warnings, "");
	assert_int_equal(number("select count(*) from waybill.feed where "
	                        "removed_at is null"),
	                 1);
}

static void
topics_of_a_used_feed(void **state)
{
	char warnings[4096];

	apply_quietly(false, warnings, sizeof(warnings));
	record(5);
	/* The same way twice. */
	files_put("us.yaml",
	          FILES_TENANT FEED("till", "us.sales.in", "us.sales",
	                            "us.till.dead"));
	refused(ERR_CONFLICT,
	        "us.yaml:4: feed us/till: input: it would read us.sales.in "
	        "from its beginning");
	/* On their way. */
	files_put(
		"us.yaml",
		FILES_TENANT FEED("till", "us.till.in", "us.till", "us.sales"));
	refused(ERR_CONFLICT,
	        "us.yaml:4: feed us/till: us.sales: feed us/sales, which is to "
	        "go, still has recorded messages that are not on cluster main "
	        "yet");
	files_put("us.yaml", FILES_TENANT);
	apply_quietly(true, warnings, sizeof(warnings));
	assert_string_equal(warnings,
	                    "feed us/sales: what is recorded of it and is not "
	                    "yet on cluster main still goes there\n");
	files_put(
		"us.yaml",
		FILES_TENANT FEED("till", "us.till.in", "us.till", "us.sales"));
	refused(ERR_CONFLICT, "which was removed, still has recorded");
	run("update waybill.route set seq = 10");
	run("insert into waybill.parked (cluster, lane, tenant, feed,"
	    " first_seq, reason) values ('main', 1, 'us', 'sales', 5, '')");
	refused(ERR_CONFLICT, "which was removed, still has recorded");
	run("delete from waybill.parked");
	apply_quietly(true, warnings, sizeof(warnings));
	assert_string_equal(warnings, "");
}

static void
input_of_a_used_feed_is_warned_of(void **state)
{
	char warnings[4096];

	apply_quietly(false, warnings, sizeof(warnings));
	record(10);
	files_put("us.yaml",
	          FILES_TENANT FEED("till", "us.sales.in", "us.till",
	                            "us.till.dead"));
	apply_quietly(true, warnings, sizeof(warnings));
	assert_string_equal(warnings,
	                    "feed us/till reads us.sales.in from its "
	                    "beginning: what was recorded of it for feed "
	                    "us/sales is recorded again\n");
}

static void
who_lacks_a_right_is_told_which(void **state)
{
	char warnings[4096];

	/* No other test makes this tenant's role. */
	files_put("us.yaml",
	          "tenant: poor-land\nfeeds:\n" FILES_FEED("sales", ""));
	run("create role poor; set role poor");
	refused_as_poor("GRANT waybill_owner TO poor");
	run("reset role; grant waybill_read to poor; set role poor");
	refused_as_poor("GRANT waybill_owner TO poor");
	run("reset role; grant waybill_owner to poor; set role poor");
	refused_as_poor("ALTER ROLE poor CREATEROLE");
	run("reset role; alter role poor createrole; set role poor");
	apply_quietly(false, warnings, sizeof(warnings));
	run("reset role");
	assert_int_equal(number("select count(*) from "
	                        "waybill.catalogue_change"),
	                 1);
}

static void
daemons_are_told(void **state)
{
	struct pgconn *listener;
	char name[32], payload[64];
	bool came = false;
	struct err err;

	snprintf(name, sizeof(name), "test%d", database_no);
	listener = open_database(name);
	assert_int_equal(
		pgconn_exec(listener, "listen waybill_catalogue", &err),
		ERR_OK);
	applied(plain, FIRST);
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

	if (deployment_load(conn, &counting, previous, &deployment, &err) !=
	    ERR_OK)
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

	assert_int_equal(deployment_load(conn, &counting, NULL, &none, &err),
	                 ERR_MIGRATION);
	applied(plain, FIRST);
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
	applied(plain,
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
		if (try_apply(plain, &result, &err) != ERR_OK)
			fail_msg("%s", err.text);
		apply_result_fini(&result);
	}
	run("with c as (insert into waybill.contract (tenant, name, version, "
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

	applied(plain, FIRST);
	files_put("us.yaml", FILES_TENANT);
	applied((struct apply_options){ .prune = true }, "- feed us/sales\n");
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(second_time_changes_nothing),
		TEST(changed_contract_is_a_new_version),
		TEST(quotas_come_and_go),
		TEST(two_feeds_share_a_new_version),
		TEST(what_stays_is_refused),
		TEST(prune_removes_and_keeps_history),
		TEST(tenant_is_added_alone),
		TEST(removed_feed_keeps_its_partitions),
		TEST(topics_of_an_unused_feed_pass_on),
		TEST(topics_of_a_used_feed),
		TEST(input_of_a_used_feed_is_warned_of),
		TEST(who_lacks_a_right_is_told_which),
		TEST(daemons_are_told),
		TEST(snapshot_shares_contracts),
		TEST(broken_contract_keeps_its_feed),
		TEST(removed_feed_still_delivers),
		cmocka_unit_test(lanes_are_a_pure_function),
	};
	int code, failed;

	unit_alarm(300);
	log_set_sink(drop_line, NULL);
	if ((code = postgres_open(NULL, &server)) != 0)
		return code;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	postgres_close(&server);
	return failed;
}
