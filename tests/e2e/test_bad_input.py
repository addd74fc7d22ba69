# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Whatever comes in gets a verdict, and whatever is wrong with a topic becomes
a state: nothing is lost, nobody else is held up."""

import os

import pytest

from harness import avro, topics
from harness.feeds import US, Contract, FeedUnderTest
from harness.kafka import Kafka
from harness.process import wait_until

YEAR_292277026596_MS = 2 ** 63 - 1
LIMIT = 10000
NEEDS_A_PERSON = 5

FIELDS = US.schema["fields"]
ANNOTATIONS = US.schema["waybill"]
CONFLUENT = Contract("Sales", FIELDS, dict(
    ANNOTATIONS, framing="confluent", **{"schema-id": 1001}), US.make, US.key)
SINGLE = Contract("Sales", FIELDS, dict(
    ANNOTATIONS, framing="single-object"), US.make, US.key)
TOMBSTONES = Contract("Sales", FIELDS, dict(ANNOTATIONS, tombstones=True),
                      US.make, US.key)
KEYLESS = Contract("Sales", FIELDS, {"partitioner": "explicit"}, US.make,
                   lambda v: None)

KEY, BODY = US.message(1)
LONG = US.encode({"store": 1, "item": "x" * LIMIT, "week": 1, "units": 1,
                  "price": 1.0})
LONG_KEY = b"1\x1f" + b"x" * LIMIT
BAD_UTF8 = BODY.replace(b"upc-1", b"upc\xff1")

# (what it is, feed, key, body, more, verdict, a rule that must be named)
CASES = [
    ("a good message", "raw", KEY, BODY, {}, 0, None),
    ("truncated", "raw", KEY, BODY[:-1], {}, 1, "avro.truncated"),
    ("bytes behind the end", "raw", KEY, BODY + b"\0", {}, 1,
     "avro.trailing"),
    ("oversized", "raw", LONG_KEY, LONG, {}, 1, "size.exceeded"),
    ("text that is not UTF-8", "raw", KEY, BAD_UTF8, {}, 1, None),
    ("binary garbage", "raw", KEY, os.urandom(300), {}, 1, None),
    ("nothing but ff", "raw", KEY, b"\xff" * 300, {}, 1, None),
    ("empty", "raw", KEY, b"", {}, 1, "avro.truncated"),
    ("wrong key", "raw", b"2\x1fupc-9", BODY, {}, 1, "key.mismatch"),
    ("null key", "raw", None, BODY, {}, 1, "key.missing"),
    ("tombstone", "raw", KEY, None, {}, 1, "tombstone.refused"),
    ("reserved header", "raw", KEY, BODY,
     {"headers": [("waybill-id", b"0-1-1")]}, 1, "header.reserved"),
    ("of the year 292277026596", "raw", KEY, BODY,
     {"timestamp": YEAR_292277026596_MS}, 0, None),
    ("of 1970", "raw", KEY, BODY, {"timestamp": 1}, 0, None),
    ("on a partition that its key is not for", "raw", KEY, BODY,
     {"partition": "other"}, 0, None),

    ("a good tombstone", "tombstones", KEY, None, {}, 0, None),
    ("a tombstone of nothing", "tombstones", None, None, {}, 1,
     "tombstone.keyless"),
    ("a good message without key", "keyless", None, BODY, {}, 0, None),
    ("an empty key where none is wanted", "keyless", b"", BODY, {}, 0, None),

    ("good with its schema id", "confluent", KEY, avro.confluent(1001, BODY),
     {}, 0, None),
    ("wrong schema id", "confluent", KEY, avro.confluent(1002, BODY), {}, 1,
     "frame.schema-id"),
    ("wrong magic byte", "confluent", KEY, b"\1" + BODY, {}, 1,
     "frame.magic"),
    ("a frame cut short", "confluent", KEY, b"\0\0", {}, 1,
     "frame.truncated"),

    ("good with its fingerprint", "single", KEY,
     avro.single_object(SINGLE.schema, BODY), {}, 0, None),
    ("wrong fingerprint", "single", KEY,
     avro.SINGLE_OBJECT_MARK + bytes(8) + BODY, {}, 1, "frame.fingerprint"),
]


def make_feeds(stem):
    def feed(name, contract):
        made = FeedUnderTest("us", stem, contract, feed=name)
        made.settings["message-bytes-max"] = LIMIT
        return made
    return {f.feed: f for f in (
        feed("raw", US), feed("tombstones", TOMBSTONES),
        feed("keyless", KEYLESS), feed("confluent", CONFLUENT),
        feed("single", SINGLE))}


@pytest.mark.within(180)
def test_each_gets_its_verdict(make_gateway, stem):
    feeds = make_feeds(stem)
    gateway = make_gateway(feeds=feeds.values())
    gateway.start()
    producer = gateway.producer()
    numbers = []
    for _, name, key, body, more, _, _ in CASES:
        feed = feeds[name]
        at = feed.partition_of(key) if key else 0
        more = dict(more)
        if more.pop("partition", None) == "other":
            at = (at + 1) % feed.partitions
        numbers.append(feed.send_raw(producer, body, key, at, **more))
        feed.send_raw(producer, CASES[0][3], KEY, 0)   # one more behind it
    producer.flush()
    gateway.wait_quiet()
    gateway.check()

    wrong = []
    for n, (what, _, _, _, more, verdict, rule) in zip(numbers, CASES):
        topic, partition, offset = producer.ledger[n]
        rows = gateway.sql(
            "SELECT verdict, lane, incarnation, seq, event_time FROM "
            "message_by_source('main', %s, %s, %s)",
            (topic, partition, offset))
        got, lane, incarnation, seq, event_time = rows[0]
        rules = [r for (r,) in gateway.sql(
            "SELECT rule FROM violation WHERE lane = %s AND incarnation = %s "
            "AND seq = %s", (lane, incarnation, seq))]
        if got != ("accepted", "rejected")[verdict] or \
                rule is not None and rule not in rules or \
                event_time != more.get("timestamp", event_time):
            wrong.append("%s: %s %s at %s" % (what, got, rules, event_time))
    assert not wrong, "\n".join(wrong)


def test_the_time_of_the_producer_travels_in_a_header(make_gateway):
    gateway = make_gateway(feeds=("us",))
    gateway.start()
    us = gateway.feeds[0]
    producer = gateway.producer()
    us.send(producer, 1, timestamp=YEAR_292277026596_MS)
    us.send(producer, 1, timestamp=1)
    producer.flush()
    gateway.wait_quiet()
    assert {dict(m.headers)["waybill-time"] for m in gateway.output(us)} == \
        {b"1", b"%d" % YEAR_292277026596_MS}
    gateway.check()


def flows(gateway, feed):
    """Whether more messages of a feed go all the way just now."""
    producer = gateway.producer()
    before = len(gateway.output(feed))
    feed.send(producer, 50)
    producer.flush()
    wait_until(lambda: len(gateway.output(feed)) == before + 50, 30,
               "%s/%s" % (feed.tenant, feed.feed))


def parked(gateway):
    """tenant/feed -> reason, as `waybill status` tells a person."""
    told = gateway.waybill_json("status", status=NEEDS_A_PERSON)
    return {"%s/%s" % (row["tenant"], row["feed"]): row["reason"]
            for row in told["parked"]}


def is_parked(gateway, feed):
    """Whether the feed, and only that one, is parked with its topic named."""
    if not gateway.sql("SELECT count(*) FROM parked")[0][0]:
        return False
    reasons = parked(gateway)
    assert set(reasons) == {"%s/%s" % (feed.tenant, feed.feed)}
    return feed.output in reasons["%s/%s" % (feed.tenant, feed.feed)]


@pytest.mark.within(240)
def test_an_output_topic_that_does_not_exist(make_gateway, stem):
    late = FeedUnderTest("nl", stem)
    gateway = make_gateway(feeds=(FeedUnderTest("us", stem), late))
    us = gateway.feeds[0]
    topics.delete(gateway.kafkas["main"].bootstrap, [late.output])
    gateway.start()
    producer = gateway.producer()
    late.send(producer, 100)
    producer.flush()
    gateway.wait_recorded()
    flows(gateway, us)
    wait_until(lambda: is_parked(gateway, late), 30, "the parked feed")

    gateway.create_topics(late, only=("output",))     # and nothing else to do
    gateway.wait_quiet(90)
    wait_until(lambda: not gateway.sql("SELECT FROM parked"), 30,
               "the end of parking")
    gateway.waybill("status")
    gateway.check()


@pytest.mark.within(240)
def test_an_output_topic_with_fewer_partitions(make_gateway, stem):
    narrow = FeedUnderTest("nl", stem)
    gateway = make_gateway(feeds=(FeedUnderTest("us", stem), narrow))
    us = gateway.feeds[0]
    bootstrap = gateway.kafkas["main"].bootstrap
    topics.delete(bootstrap, [narrow.output])
    topics.create(bootstrap, [narrow.output], narrow.partitions - 2,
                  config={"message.timestamp.type": "LogAppendTime"})
    gateway.start()
    producer = gateway.producer()
    narrow.send(producer, 100)
    producer.flush()
    gateway.wait_recorded()
    flows(gateway, us)
    wait_until(lambda: is_parked(gateway, narrow), 30, "the parked feed")

    topics.grow(bootstrap, narrow.output, narrow.partitions)
    gateway.wait_quiet(90)
    wait_until(lambda: not gateway.sql("SELECT FROM parked"), 30,
               "the end of parking")
    gateway.check()


@pytest.mark.within(300)
def test_an_output_partition_without_a_leader(make_gateway, stem,
                                              shared_kafka):
    with Kafka(name="far", brokers=3, heap="256m") as far:
        one, other = FeedUnderTest("us", stem), FeedUnderTest("nl", stem)
        gateway = make_gateway(feeds=(one, other),
                               kafkas={"main": shared_kafka, "far": far},
                               output_clusters=["main", "far"])
        # The feed `nl` has one replica on `far`, on a broker that goes.
        topics.delete(far.bootstrap, [other.output])
        topics.create(far.bootstrap, [other.output], other.partitions, 1,
                      {"message.timestamp.type": "LogAppendTime"})
        gateway.start()
        producer = gateway.producer()
        gone = topics.leaders_of(far.bootstrap, other.output)[0]
        far.kill_node(gone)
        for feed in gateway.feeds:
            feed.send(producer, 200)
        producer.flush()
        gateway.wait_recorded()
        gateway.wait_quiet(90, clusters=["main"])   # nobody else is held up
        far.start_node(gone)
        gateway.wait_quiet(150)
        gateway.check()


def test_a_missing_privilege_is_said_at_start(make_gateway):
    gateway = make_gateway(feeds=("us",))
    gateway.postgres.query(
        "DO $$ BEGIN IF to_regrole('wb_nobody') IS NULL THEN "
        "CREATE ROLE wb_nobody LOGIN; END IF; END $$")
    daemon = gateway.start("nobody", ready=False, settings={
        "postgres": {"connection": gateway.dsn("wb_nobody")}})
    assert daemon.wait(30) != 0
    assert 'GRANT waybill_daemon TO \\"wb_nobody\\"' in daemon.output()


@pytest.mark.parametrize("key, value", [
    ("lease", "soon"), ("batch", {"messages": -1}), ("lanes-maximum", 3),
    ("listen", 12.5)])
def test_a_wrong_configuration_is_said_with_its_line(make_gateway, key,
                                                     value):
    gateway = make_gateway(feeds=("us",))
    daemon = gateway.start("wrong", ready=False, settings={key: value})
    assert daemon.wait(30) != 0
    said = daemon.output()
    assert "wrong.yaml:" in said and key in said
