# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A tenant's reader sees its own tenant's rows and nothing else, through every
table, partition, view and function that there is. A new one fails here until
somebody says what it shows."""

import hashlib
import struct

import psycopg2
import psycopg2.errors
import pytest

READERS = {"us": "wb_us", "nl": "wb_nl"}

# What a tenant's reader may read; everything else must refuse it.
READABLE = {"tenant", "contract", "feed", "feed_output", "feed_topic", "parked", "source",
            "block", "delivery", "source_range", "delivery_range",
            "source_day", "delivery_day", "violation", "message",
            "principal", "verdict_reference"}

# Calls of each function that a reader may execute. {..} is filled with what
# belongs to one tenant; rows of another must be as if they did not exist.
# None: says nothing about any row.
CALLS = {
    "caller": None,
    "today": None,
    "tenant_role": None,
    "verdict_name": None,
    "origin_name": None,
    "column_fill": None,
    "column_hashes": None,
    "key_hash": None,
    "key_positions": None,
    "tenant_of": "SELECT * FROM waybill.tenant_of(current_user::name) t "
                 "WHERE t = '{tenant}'",
    "day_of": "SELECT * FROM waybill.day_of({lane}, {incarnation}, {seq}) "
              "WHERE day IS NOT NULL",
    "message_at": "SELECT * FROM waybill.message_at('{day}', {lane}, "
                  "{incarnation}, {block_first_seq}, ARRAY[1])",
    "message_by_id": "SELECT * FROM waybill.message_by_id('{id}') UNION ALL "
                     "SELECT * FROM waybill.message_by_id({lane}, "
                     "{incarnation}, {seq})",
    "message_by_key": "SELECT * FROM waybill.message_by_key('{tenant}', "
                      "'{feed}', '{key}')",
    "message_by_source": "SELECT * FROM waybill.message_by_source("
                         "'{source_cluster}', '{source_topic}', "
                         "{source_partition}, {source_offset})",
    "message_by_delivery": "SELECT * FROM waybill.message_by_delivery('main', "
                           "'{output}', {output_partition}, {output_offset})",
    "message_between": "SELECT * FROM waybill.message_between('{tenant}', "
                       "'{feed}', '-infinity', 'infinity')",
    "delivery_of": "SELECT * FROM waybill.delivery_of({lane}, {incarnation}, "
                   "{seq})",
    "violation_of": "SELECT * FROM waybill.violation_of({lane}, "
                    "{incarnation}, {rejected_seq})",
    "reference_of": "SELECT * FROM waybill.reference_of({repeat_lane}, "
                    "{repeat_incarnation}, {repeat_seq})",
    "file_recorded": "SELECT * FROM waybill.file_recorded('{tenant}', "
                     "'{feed}', '{file}', 0, 1000)",
    "file_last": "SELECT * FROM waybill.file_last('{tenant}', '{feed}', "
                 "'{file}') l WHERE l IS NOT NULL",
}


def file_of(tenant):
    return hashlib.sha256(tenant.encode()).hexdigest()


def publish(gateway, feed):
    """By REST: two records of a file, and a message that is repeated."""
    client = gateway.client(feed)
    body = feed.contract.message(0)[1]
    packed = (struct.pack(">I", len(body)) + body) * 2
    told = [client.post(feed, packed, "application/vnd.waybill.messages+avro",
                        file=file_of(feed.tenant), first=0)]
    told += [client.post(feed, body, "avro/binary", id="twice")
             for _ in range(2)]
    assert [t.status for t in told] == [202] * 3, told
    feed.sent += 4


@pytest.fixture(scope="module")
def filled(programs, shared_postgres, shared_kafka, tmp_path_factory):
    """Two tenants with messages, good and bad, and a reader each."""
    from harness.feeds import FeedUnderTest
    from harness.gateway import Gateway
    gateway = Gateway(shared_postgres, {"main": shared_kafka},
                      str(tmp_path_factory.mktemp("rls")),
                      [FeedUnderTest(t, "rls") for t in READERS], "rls")
    try:
        gateway.set_up()
        gateway.start()
        producer = gateway.producer()
        for feed in gateway.feeds:
            feed.send(producer, 200)
            feed.send_truncated(producer, 20)
            publish(gateway, feed)
        producer.flush()
        gateway.wait_quiet()
        gateway.stop()
        for tenant, login in READERS.items():
            gateway.sql(
                "DO $$ BEGIN IF to_regrole('%s') IS NULL THEN CREATE ROLE %s "
                "LOGIN; END IF; END $$; GRANT waybill_read_%s TO %s" %
                (login, login, tenant, login))
        yield gateway
    finally:
        gateway.tear_down()


def relations(gateway):
    """(name, kind, is a partition, has a tenant column)"""
    return gateway.sql("""
        SELECT c.relname::text, c.relkind::text, c.relispartition,
               EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
                       AND a.attname = 'tenant' AND NOT a.attisdropped)
        FROM pg_class c WHERE c.relnamespace = 'waybill'::regnamespace
          AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1""")


def ask(gateway, tenant, sql):
    """Rows; None where the reader is refused."""
    try:
        return gateway.postgres.query(sql, None, gateway.database,
                                      READERS[tenant])
    except psycopg2.errors.InsufficientPrivilege:
        return None


def facts(gateway, tenant):
    """What names the things of one tenant."""
    columns = ("id", "lane", "incarnation", "seq", "day", "tenant", "feed",
               "key", "source_cluster", "source_topic", "source_partition",
               "source_offset", "block_first_seq")
    row = gateway.sql("SELECT %s FROM message WHERE tenant = '%s' AND "
                      "verdict = 'accepted' AND origin = 'kafka' LIMIT 1" %
                      (", ".join(columns), tenant))[0]
    found = dict(zip(columns, row))
    found["key"] = "\\x" + bytes(found["key"]).hex()
    found["rejected_seq"] = gateway.sql(
        "SELECT seq FROM violation WHERE tenant = '%s' AND lane = %d "
        "LIMIT 1" % (tenant, found["lane"]))[0][0]
    found["file"] = file_of(tenant)
    (found["repeat_lane"], found["repeat_incarnation"],
     found["repeat_seq"]) = gateway.sql(
        "SELECT lane, incarnation, seq FROM verdict_reference WHERE tenant = "
        "'%s' LIMIT 1" % tenant)[0]
    feed = next(f for f in gateway.feeds if f.tenant == tenant)
    out = gateway.output(feed)[0]
    found.update(output=feed.output, output_partition=out.partition,
                 output_offset=out.offset)
    return found


def test_security_is_enabled_and_forced_on_each_table_and_partition(filled):
    assert filled.sql("""
        SELECT relname::text FROM pg_class
        WHERE relnamespace = 'waybill'::regnamespace
          AND relkind IN ('r', 'p')
          AND NOT (relrowsecurity AND relforcerowsecurity)""") == []
    kinds = {(kind, part) for _, kind, part, _ in relations(filled)}
    assert {("r", False), ("p", False), ("r", True), ("v", False)} <= kinds


def test_each_view_asks_with_the_rights_of_its_reader(filled):
    assert filled.sql("""
        SELECT relname::text FROM pg_class
        WHERE relnamespace = 'waybill'::regnamespace AND relkind IN ('v', 'm')
          AND NOT coalesce(reloptions, '{}') && '{security_invoker=true,
              security_invoker=on}'::text[]""") == []


@pytest.mark.parametrize("tenant", sorted(READERS))
def test_each_relation_shows_only_the_reader_s_own_rows(filled, tenant):
    seen = set()
    for name, _, is_partition, has_tenant in relations(filled):
        rows = ask(filled, tenant, "SELECT %s FROM waybill.%s" % (
            "DISTINCT tenant" if has_tenant else "count(*)", name))
        if is_partition or name not in READABLE:
            assert rows is None, "%s can be read" % name
            continue
        assert has_tenant, "%s has no tenant column" % name
        assert rows is not None, "%s cannot be read" % name
        assert rows in ([], [(tenant,)]), "%s shows %s" % (name, rows)
        if rows:
            seen.add(name)
    assert seen >= {"tenant", "contract", "feed", "block", "delivery",
                    "source_range", "violation", "message",
                    "verdict_reference", "principal"}


@pytest.mark.parametrize("tenant", sorted(READERS))
def test_each_relation_shows_all_of_the_reader_s_rows(filled, tenant):
    for name in sorted(READABLE):
        mine = ask(filled, tenant, "SELECT count(*) FROM waybill." + name)
        assert mine == filled.sql("SELECT count(*) FROM %s WHERE tenant = '%s'"
                                  % (name, tenant)), name


@pytest.mark.parametrize("tenant, other", [("us", "nl"), ("nl", "us")])
def test_each_function_shows_only_the_reader_s_own_rows(filled, tenant,
                                                        other):
    names = {n for (n,) in filled.sql("""
        SELECT DISTINCT p.proname::text FROM pg_proc p
        WHERE p.pronamespace = 'waybill'::regnamespace
          AND has_function_privilege('%s', p.oid, 'execute')
          AND p.prorettype <> 'trigger'::regtype""" % READERS[tenant])}
    assert names == set(CALLS), "functions that nobody has judged"
    mine, theirs = facts(filled, tenant), facts(filled, other)
    for name in sorted(names):
        if CALLS[name] is None:
            continue
        assert ask(filled, tenant, CALLS[name].format(**mine)), name
        assert ask(filled, tenant, CALLS[name].format(**theirs)) == [], name


def test_no_function_is_open_to_everybody(filled):
    assert filled.sql("""
        SELECT p.oid::regprocedure::text FROM pg_proc p
        WHERE p.pronamespace = 'waybill'::regnamespace
          AND has_function_privilege('public', p.oid, 'execute')""") == []


def test_definer_functions_have_a_path_of_their_own(filled):
    assert filled.sql("""
        SELECT p.oid::regprocedure::text FROM pg_proc p
        WHERE p.pronamespace = 'waybill'::regnamespace AND p.prosecdef
          AND NOT coalesce(p.proconfig::text, '') LIKE '%search_path=%'"""
                      ) == []


@pytest.mark.parametrize("tenant", sorted(READERS))
def test_readers_change_nothing(filled, tenant):
    for name, kind, _, _ in relations(filled):
        if kind == "v":
            continue
        for sql in ("DELETE FROM waybill.%s", "TRUNCATE waybill.%s",
                    "INSERT INTO waybill.%s DEFAULT VALUES"):
            assert ask(filled, tenant, sql % name) is None, sql % name


def test_a_leaky_condition_of_the_reader_s_own_sees_no_foreign_row(filled):
    """A cheap function in WHERE must not be run before the policy."""
    connection = psycopg2.connect(filled.dsn(READERS["us"]))
    try:
        with connection.cursor() as cursor:
            cursor.execute("""
                CREATE FUNCTION pg_temp.leak(text) RETURNS bool LANGUAGE
                plpgsql COST 0.0000001 AS
                $$ BEGIN RAISE NOTICE 'seen %', $1; RETURN true; END $$;
                SELECT count(*) FROM waybill.block WHERE pg_temp.leak(tenant)
                """)
            assert cursor.fetchall()[0][0] > 0
        assert connection.notices
        assert not [n for n in connection.notices if "seen nl" in n]
    finally:
        connection.close()


def test_the_role_decides_and_no_setting(filled):
    """A reader may set what it likes; it stays who it is."""
    for setting in ("waybill.tenant", "waybill.role", "app.tenant"):
        assert ask(filled, "us", "SET %s = 'nl'; SELECT DISTINCT tenant FROM "
                   "waybill.block" % setting) == [("us",)]
    for role in ("waybill_owner", "waybill_read_nl", "waybill_daemon",
                 "waybill_read"):
        assert ask(filled, "us", "SET ROLE %s" % role) is None


def test_what_a_reader_sees_does_not_depend_on_the_other_tenant(
        make_gateway):
    """The differential: the same messages of one tenant, with and without a
    busy neighbour, look the same to its reader."""
    gateway = make_gateway()
    gateway.start()
    gateway.sql("DO $$ BEGIN IF to_regrole('wb_us') IS NULL THEN CREATE ROLE "
                "wb_us LOGIN; END IF; END $$; GRANT waybill_read_us TO wb_us")
    us, nl = gateway.feeds
    views = []
    for feed in (us, nl):
        producer = gateway.producer()
        feed.send(producer, 200)
        feed.send_truncated(producer, 10)
        producer.flush()
        gateway.wait_quiet()
        views.append([ask(gateway, "us", "SELECT * FROM waybill.%s ORDER BY 1,"
                          " 2" % n) for n in sorted(READABLE - {"message"})] +
                     [ask(gateway, "us", "SELECT id, key, body, hash FROM "
                          "waybill.message ORDER BY 1")])
    assert views[0] == views[1]
    assert len(views[0][-1]) == 210
