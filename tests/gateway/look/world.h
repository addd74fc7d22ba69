/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A Postgres with a small journal, for the tests of commands: two tenants,
 * two clusters, two lanes; and a way to run a command and read what it says.
 *
 * Lane 0, block 1-3 of us/sales: accepted, rejected, accepted; on cluster
 * near, not yet on far. Lane 0, block 4 of us/sales: parked on far.
 * Lane 1, block 1-2 of ca/sales, whose key and amount are sensitive.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/migration.h"
#include "base/runtime/json.h"
#include "gateway/look/look.h"
#include "tests/support/postgres.h"
#include "tests/unit.h"

static struct postgres *world_server;
static char world_conninfo[1024];
static char world_said[1 << 20];
static char world_complained[65536];

/* {"store": 7, "amount": 3} is 0e 06. */
#define WORLD_AVSC(sensitive)                                                  \
	"{\"type\":\"record\",\"name\":\"Sale\",\"waybill\":"                  \
	"{\"partitioner\":\"murmur2\",\"key\":[\"store\"]},\"fields\":["       \
	"{\"name\":\"store\",\"type\":\"int\"" sensitive "},"                  \
	"{\"name\":\"amount\",\"type\":\"int\"" sensitive "}]}"

static const char world_catalogue[] =
	"insert into waybill.deployment (name, lanes, durability)"
	" values ('test', 2, 'development');"
	"insert into waybill.cluster (cluster, bootstrap, is_input, is_output,"
	" position) values ('near', 'a:1', true, true, 0),"
	" ('far', 'b:1', false, true, 1);"
	"insert into waybill.tenant (tenant, title) values ('us', 'States'),"
	" ('ca', 'Canada');"
	"insert into waybill.contract (tenant, name, version, avsc, digest)"
	" values ('us', 'us/sale', 3, '" WORLD_AVSC(
		"") "', '\\x00'),"
		    " ('ca', 'ca/sale', 1, '" WORLD_AVSC(
			    ",\"waybill\":{\"sensitive\":true}") "', '\\x00');";

static const char world_journal[] =
	"insert into waybill.feed (tenant, feed, contract, input_cluster,"
	" input_topic, output_topic, dead_letter_topic, partitions,"
	" dead_letter_partitions, version)"
	" select t, 'sales', c, 'near', t || '.in', t || '.out', t || '.dead',"
	" 4, 2, 1 from (values ('us', 1), ('ca', 2)) v(t, c);"
	"insert into waybill.feed_output select tenant, feed, cluster"
	" from waybill.feed, waybill.cluster;"
	"insert into waybill.catalogue_change (what) values ('[]');"
	"create role waybill_read_us; grant waybill_tenant to waybill_read_us;"
	"insert into waybill.tenant_grant values ('waybill_read_us', 'us'),"
	" ('waybill_read', 'us'), ('waybill_read', 'ca');"
	"create role operator login in role waybill_read;"
	"create role auditor login in role waybill_read_us;"
	"create role nobody login;"
	"create role mover login in role waybill_forward;"
	"create role serving login in role waybill_daemon;"
	"select waybill.journal_create_days(2);"
	"insert into waybill.daemon (daemon, url, deadline)"
	" values ('d1', 'http://127.0.0.1:1', now() + interval '1 hour');"
	"insert into waybill.lane (lane, epoch, owner, next_seq, commit_no,"
	" day, state) values (0, 2, 'd1', 5, 2, waybill.today(), 'ready'),"
	" (1, 1, 'd1', 3, 1, waybill.today(), 'ready');"
	"insert into waybill.lane_day values (0, 1, waybill.today(), 1),"
	" (1, 1, waybill.today(), 1);"
	"insert into waybill.route (lane, cluster, ever_delivered,"
	" incarnation, seq, state, reason) values"
	" (0, 'near', true, 1, 4, 'running', null),"
	" (0, 'far', true, 1, 0, 'down', 'no broker answers'),"
	" (1, 'near', true, 1, 2, 'running', null),"
	" (1, 'far', false, null, null, 'recovering', null);"
	"insert into waybill.source (kind, cluster, topic, partition, tenant,"
	" feed) values ('kafka', 'near', 'us.in', 3, 'us', 'sales'),"
	" ('kafka', 'near', 'ca.in', 1, 'ca', 'sales');"
	"insert into waybill.lane_commit (day, lane, incarnation, commit_no,"
	" first_seq, last_seq, chain, source, source_next, is_full) values"
	" (waybill.today(), 0, 1, 1, 1, 3, decode(repeat('ab', 32), 'hex'),"
	" '{1}', '{103}', true),"
	" (waybill.today(), 0, 1, 2, 4, 4, decode(repeat('cd', 32), 'hex'),"
	" '{1}', '{104}', false),"
	" (waybill.today(), 1, 1, 1, 1, 2, decode(repeat('ef', 32), 'hex'),"
	" '{2}', '{12}', true);"
	"insert into waybill.block (day, lane, incarnation, first_seq, count,"
	" tenant, feed, format, origin, recorded_at, event_time_min,"
	" event_time_max, salt, event_times, keys, key_hashes, bodies,"
	" headers, sources, source_offsets, verdicts, contracts, partitions,"
	" hashes) values"
	" (waybill.today(), 0, 1, 1, 3, 'us', 'sales', 1, 0,"
	" now() - interval '3 min', 0, 0, '\\x00', '{1774742399123}',"
	" array['7', 'bad', '9']::bytea[],"
	" array[waybill.key_hash('7'), waybill.key_hash('bad'),"
	" waybill.key_hash('9')], array['\\x0e06', '\\x1b5b324a', '\\x120a']"
	"::bytea[], array['\\x00000005747261636500000003616263', null, null]"
	"::bytea[], '{1}', '{100,101,102}', '{0,1,0}', '{1}', '{3}',"
	" decode(repeat('11', 32) || repeat('22', 32) || repeat('33', 32),"
	" 'hex')),"
	" (waybill.today(), 0, 1, 4, 1, 'us', 'sales', 1, 0,"
	" now() - interval '2 min', 0, 0, '\\x00', '{9223372036854775807}',"
	" array['7']::bytea[], array[waybill.key_hash('7')],"
	" array['\\x0e08']::bytea[], null, '{1}', '{103}', '{0}', '{1}', '{3}',"
	" decode(repeat('44', 32), 'hex')),"
	" (waybill.today(), 1, 1, 1, 2, 'ca', 'sales', 1, 0,"
	" now() - interval '1 min', 0, 0, '\\x00', '{5}',"
	" array['7', '8']::bytea[], array[waybill.key_hash('7'),"
	" waybill.key_hash('8')], array['\\x0e06', '\\x10']::bytea[], null,"
	" '{2}', '{10,11}', '{0,1}', '{2}', '{1}',"
	" decode(repeat('55', 64), 'hex'));"
	"insert into waybill.source_range values"
	" (waybill.today(), 'us', 1, 100, 102, 0, 1, 1),"
	" (waybill.today(), 'us', 1, 103, 103, 0, 1, 4),"
	" (waybill.today(), 'ca', 2, 10, 11, 1, 1, 1);"
	"insert into waybill.source_day values ('us', 1, waybill.today(), 100),"
	" ('ca', 2, waybill.today(), 10);"
	"insert into waybill.delivery (day, tenant, cluster, kind, lane,"
	" incarnation, first_seq, count, partitions, offsets) values"
	" (waybill.today(), 'us', 'near', 0, 0, 1, 1, 3, null, '{50,null,51}'),"
	" (waybill.today(), 'us', 'near', 1, 0, 1, 1, 3, '{1}',"
	" '{null,9,null}'),"
	" (waybill.today(), 'us', 'near', 0, 0, 1, 4, 1, null, '{-1}');"
	"insert into waybill.delivery_range values"
	" (waybill.today(), 'us', 'near', 'us.out', 3, 50, 51, 0, 1, 1),"
	" (waybill.today(), 'us', 'near', 'us.dead', 1, 9, 9, 0, 1, 1);"
	"insert into waybill.delivery_day values"
	" ('us', 'near', 'us.out', 3, waybill.today(), 50),"
	" ('us', 'near', 'us.dead', 1, waybill.today(), 9);"
	"insert into waybill.violation (day, tenant, lane, incarnation, seq,"
	" ordinal, rule, path, expected, value, byte_offset) values"
	" (waybill.today(), 'us', 0, 1, 2, 1, 'avro.trailing', '',"
	" 'the end', '2 bytes more', 2),"
	" (waybill.today(), 'us', 0, 1, 2, 2, 'key.mismatch', '/store', '-14',"
	" E'b\\x1bad', -1);";

static inline void
world_do(const char *sql)
{
	struct pgconn_options options = {
		.conninfo = postgres_conninfo(world_server),
		.timeout_ms = 60000,
	};
	struct pgconn *conn = NULL;
	struct err err;

	if (pgconn_open(&options, &conn, &err) != ERR_OK ||
	    pgconn_exec(conn, sql, &err) != ERR_OK)
		fail_msg("%s", err.text);
	pgconn_close(&conn);
}

static inline void
world_migrate(void)
{
	struct pgconn_options options = {
		.conninfo = postgres_conninfo(world_server),
		.timeout_ms = 60000,
	};
	struct pgconn *conn = NULL;
	char dir[4096];
	struct err err;

	snprintf(dir, sizeof(dir), "%s/sql", getenv("WAYBILL_SOURCE"));
	if (pgconn_open(&options, &conn, &err) != ERR_OK ||
	    migration_run(conn, dir, &err) != ERR_OK)
		fail_msg("%s", err.text);
	pgconn_close(&conn);
}

/* Group setup and teardown; 77 is for main to return. */
static inline int
world_make(void **state)
{
	world_migrate();
	world_do(world_catalogue);
	world_do(world_journal);
	return 0;
}

static inline int
world_end(void **state)
{
	postgres_close(&world_server);
	return 0;
}

/* Runs a command as a user; arguments end with NULL. Its output is in
   world_said, its complaints in world_complained. */
static inline int
world_run(const struct look_command *command, const char *user, bool json,
          const char *const *arguments)
{
	char *argv[32] = { (char *)(uintptr_t)command->command.name };
	struct look_options options = { .conninfo = world_conninfo,
		                        .json = json,
		                        .out = tmpfile(),
		                        .err = tmpfile() };
	int argc = 1, status;
	size_t len;

	snprintf(world_conninfo, sizeof(world_conninfo),
	         "host=%s user=%s dbname=postgres",
	         postgres_folder(world_server), user);
	for (; arguments[argc - 1] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
	status = command->look(&options, argc, argv);
	rewind(options.out);
	rewind(options.err);
	len = fread(world_said, 1, sizeof(world_said) - 1, options.out);
	world_said[len] = '\0';
	len = fread(world_complained, 1, sizeof(world_complained) - 1,
	            options.err);
	world_complained[len] = '\0';
	fclose(options.out);
	fclose(options.err);
	return status;
}

#define WORLD_ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define WORLD_NO_ARGS   ((const char *const[]){ NULL })

static inline void
world_expect(const char *text)
{
	if (strstr(world_said, text) == NULL)
		fail_msg("'%s' is not in:\n%s\n%s", text, world_said,
		         world_complained);
}

static inline void
world_expect_not(const char *text)
{
	if (strstr(world_said, text) != NULL)
		fail_msg("'%s' is in:\n%s", text, world_said);
}

static inline void
world_expect_status(int status, int wanted)
{
	if (status != wanted)
		fail_msg("exit code %d, not %d: %s", status, wanted,
		         world_complained);
}

/* What was said, as JSON; to be freed. */
static inline struct json *
world_json(void)
{
	struct json *json = NULL;
	struct err err;

	if (json_parse(world_said, strlen(world_said), &json, &err) != ERR_OK)
		fail_msg("%s in:\n%s\n%s", err.text, world_said,
		         world_complained);
	return json;
}
