# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The quick start says "everything adds up" only if it does: each fault below
is planted in what was sent, recorded or received, and counts.sql must name
it. The journal is a few plain rows here; the road itself is tested elsewhere."""

import hashlib
import os

import psycopg2
import pytest

COUNTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                      "scripts", "quickstart", "counts.sql")
SCHEMA = """
create schema waybill;
create table waybill.feed (tenant text, feed text, input_topic text,
    output_topic text, dead_letter_topic text, dead_letter_partitions int4);
create table waybill.lane (lane int4, incarnation int4, next_seq int8);
create table waybill.block (lane int4, incarnation int4, count int4);
create table waybill.message (id text, tenant text, feed text, verdict text,
    partition int4, source_topic text, source_partition int4,
    source_offset int8, key bytea, body bytea, origin text default 'kafka');
create temporary table sent (topic text, partition int4, "offset" int8,
    digest text, kind text);
create temporary table posted (number int4, topic text, id text,
    digest text, kind text, verdict text, level text, status int4);
create temporary table received (topic text, partition int4, "offset" int8,
    digest text, id text, source text);
insert into waybill.feed values
    ('us', 'sales', 'us.in', 'us.out', 'us.dead', 2);
insert into waybill.lane values (0, 1, 13);
insert into waybill.block values (0, 1, 5), (0, 1, 7);
"""


def plant_world(cursor):
    """Eight messages of two partitions; those of offset 2 were spoiled."""
    cursor.execute(SCHEMA)
    for n in range(8):
        partition, offset = 3 * (n % 2), n // 2
        key, body = b"k%d" % partition, b"body %d" % n
        if n == 7:
            body = None
        digest = hashlib.sha256(key + (body or b"")).hexdigest()
        is_bad = offset == 2
        kind = "garbage" if is_bad else "tombstone" if n == 7 else "good"
        cursor.execute("insert into sent values ('us.in', %s, %s, %s, %s)",
                       (partition, offset, digest, kind))
        cursor.execute(
            "insert into waybill.message values (%s, 'us', 'sales', %s, %s, "
            "'us.in', %s, %s, %s, %s, 'kafka')",
            ("0-1-%d" % (n + 1), "rejected" if is_bad else "accepted",
             partition, partition, offset, key, body))
        cursor.execute(
            "insert into received values (%s, %s, %s, %s, %s, %s)",
            ("us.dead" if is_bad else "us.out",
             partition % 2 if is_bad else partition, offset, digest,
             "0-1-%d" % (n + 1), "us.in/%d/%d" % (partition, offset)))
    plant_posted(cursor)


def plant_posted(cursor):
    """Four more by REST: two good, one spoiled, one that repeats the first."""
    posted = [("good", "accepted", b"a"), ("good", "accepted", b"b"),
              ("garbage", "rejected", b"c"), ("repeat", "duplicate", b"a")]
    for n, (kind, verdict, body) in enumerate(posted):
        id, key = "0-1-%d" % (n + 9), b"k"
        digest = hashlib.sha256(key + body).hexdigest()
        cursor.execute("insert into posted values (%s, 'us.in', %s, %s, %s, "
                       "%s, 'recorded', 202)", (n, id, digest, kind, verdict))
        cursor.execute("insert into waybill.message values (%s, 'us', 'sales',"
                       " %s, 1, null, null, 0, %s, %s, 'rest')",
                       (id, verdict, key, body))
        if verdict != "duplicate":
            topic = "us.out" if verdict == "accepted" else "us.dead"
            cursor.execute("insert into received values (%s, 1, %s, %s, %s, "
                           "'rest')", (topic, 50 + n, digest, id))


@pytest.fixture
def world(shared_postgres):
    connection = psycopg2.connect(
        shared_postgres.dsn(shared_postgres.new_database("counts")))
    cursor = connection.cursor()
    plant_world(cursor)
    yield cursor
    connection.close()


def findings(cursor):
    with open(COUNTS) as f:
        cursor.execute(f.read())
    cursor.execute("select what from finding where count <> 0")
    return {row[0] for row in cursor.fetchall()}


def tally(cursor):
    cursor.execute("select * from tally")
    return cursor.fetchall()


def test_world_that_is_right_adds_up(world):
    assert findings(world) == set()
    assert tally(world) == [("us sales", 8, 4, 12, 8, 3, 1)]


FAULTS = [
    ("sent and not recorded", "delete from waybill.message where id = '0-1-4'"),
    ("recorded and not sent", "delete from sent where partition = 3 and \"offset\" = 1"),
    ("recorded twice", "insert into waybill.message select '0-1-99', tenant, feed, "
     "verdict, partition, source_topic, source_partition, source_offset, key, body "
     "from waybill.message where id = '0-1-1'"),
    ("recorded with other bytes", "update waybill.message set body = 'x' where id = '0-1-1'"),
    ("spoiled and not rejected, or sound and rejected",
     "update sent set kind = 'good' where kind = 'garbage' and partition = 0"),
    ("spoiled and not rejected, or sound and rejected",
     "update sent set kind = 'garbage' where kind = 'tombstone'"),
    ("recorded and not received", "delete from received where id = '0-1-3'"),
    ("recorded and not received", "delete from received where topic = 'us.dead'"),
    ("received and not recorded", "update received set id = '0-1-77' where id = '0-1-2'"),
    ("received and not recorded", "update received set id = '' where id = '0-1-2'"),
    ("received twice", "insert into received select topic, partition, 50, digest, id, source "
     "from received where id = '0-1-8'"),
    ("received with other bytes", "update received set digest = 'x' where id = '0-1-8'"),
    ("received on another topic", "update received set topic = 'us.dead' where id = '0-1-1'"),
    ("received on another topic", "update received set topic = 'us.out' where id = '0-1-5'"),
    ("received on another partition", "update received set partition = 1 where id = '0-1-1'"),
    ("received in another order", "update received set \"offset\" = 1 - \"offset\" "
     "where topic = 'us.out' and partition = 0 and \"offset\" < 2"),
    ("received with another waybill-source",
     "update received set source = 'us.in/0/7' where id = '0-1-1'"),
    ("a number left out in a lane", "update waybill.lane set next_seq = 14"),
    ("sent and not recorded", "delete from waybill.message where id = '0-1-10'"),
    ("recorded and not sent", "delete from posted where id = '0-1-10'"),
    ("recorded with other bytes", "update waybill.message set body = 'x' where id = '0-1-10'"),
    ("recorded and not received", "delete from received where id = '0-1-10'"),
    ("two receipts for one message", "update posted set id = '0-1-9' where id = '0-1-10'"),
    ("a receipt that says otherwise than the journal",
     "update posted set verdict = 'accepted' where id = '0-1-12'"),
    ("a receipt that says otherwise than the journal",
     "update posted set topic = 'us.other.in' where id = '0-1-9'"),
    ("sent again and not recognized",
     "update waybill.message set verdict = 'accepted' where id = '0-1-12'"),
    ("received in another order", "update received set \"offset\" = 60 where id = '0-1-9'"),
    ("received with another waybill-source",
     "update received set source = 'us.in/0/7' where id = '0-1-9'"),
]


@pytest.mark.parametrize("name, fault", FAULTS)
def test_fault_is_named(world, name, fault):
    world.execute(fault)
    assert world.rowcount > 0
    assert name in findings(world)
