# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A partition is read on only where Kafka still has what was recorded: a topic
that was deleted and made anew is a source gap, and nothing of it is recorded
or lost without a word."""

from harness import topics
from harness.process import wait_until

NEEDS_A_PERSON = 5
ANY_TIME = {"message.timestamp.after.max.ms": str(2 ** 63 - 1),
            "message.timestamp.before.max.ms": str(2 ** 63 - 1)}


def gaps(gateway):
    return gateway.sql("SELECT s.topic, s.partition, g.reason FROM source_gap "
                       "g JOIN source s USING (source) ORDER BY 1, 2")


def make_anew(gateway, feed):
    bootstrap = gateway.kafkas[gateway.input_cluster].bootstrap
    topics.delete(bootstrap, [feed.input])
    topics.create(bootstrap, [feed.input], feed.partitions, 1, ANY_TIME)


def fill(gateway, feed, each):
    """So many other records on each partition."""
    producer = gateway.producer()
    for p in range(feed.partitions):
        for n in range(each):
            key, body = feed.contract.message(10 ** 6 + n)
            producer.send(feed.input, body, key, p)
    producer.flush()
    gateway.producers.remove(producer)     # not to be looked for


def send_and_stop(gateway, count=200):
    """What is sent is recorded and has left; returns the producer."""
    gateway.start()
    producer = gateway.producer()
    for feed in gateway.feeds:
        feed.send(producer, count)
    producer.flush()
    gateway.wait_quiet()
    gateway.stop()
    return producer


def wait_for_gaps(gateway, what):
    """On each partition of the first feed; the second one goes on."""
    us, nl = gateway.feeds
    before = gateway.recorded()
    daemon = gateway.start()
    wait_until(lambda: len(gaps(gateway)) == us.partitions, 30, "the gaps")
    for topic, _, reason in gaps(gateway):
        assert topic == us.input and what in reason, reason
    producer = gateway.producer()
    nl.send(producer, 50)
    producer.flush()
    gateway.wait_recorded(before + 50)
    status = gateway.waybill("status", status=NEEDS_A_PERSON)
    assert what in status and us.input in status, status
    with open(daemon.log) as log:
        assert any("waits for a person" in l and us.input in l for l in log)
    assert gateway.recorded() == before + 50


def test_other_records_at_the_same_offsets(make_gateway):
    gateway = make_gateway()
    us = gateway.feeds[0]
    send_and_stop(gateway)
    make_anew(gateway, us)
    fill(gateway, us, 200)
    wait_for_gaps(gateway, "is not the one that was recorded")
    # It does not pass by itself.
    gateway.stop()
    before = gateway.recorded()
    gateway.start()
    fill(gateway, us, 10)
    nl = gateway.feeds[1]
    nl.send(gateway.producers[-1], 1)
    gateway.producers[-1].flush()
    gateway.wait_recorded(before + 1)
    assert gateway.recorded() == before + 1
    assert len(gaps(gateway)) == us.partitions


def test_fewer_records_than_were_read(make_gateway):
    gateway = make_gateway()
    us = gateway.feeds[0]
    send_and_stop(gateway)
    make_anew(gateway, us)
    fill(gateway, us, 2)
    wait_for_gaps(gateway, "the topic ends at offset 2")


def test_while_the_daemon_runs(make_gateway):
    gateway = make_gateway()
    us, nl = gateway.feeds
    producer = send_and_stop(gateway)
    gateway.start()
    us.send(producer, 100)
    producer.flush()
    gateway.wait_quiet()
    before = gateway.recorded()
    make_anew(gateway, us)
    fill(gateway, us, 2)
    wait_until(lambda: len(gaps(gateway)) == us.partitions, 60, "the gaps")
    nl.send(producer, 10)
    producer.flush()
    gateway.wait_recorded(before + 10)
    assert gateway.recorded() == before + 10


def test_the_same_topic_goes_on(make_gateway):
    gateway = make_gateway()
    us = gateway.feeds[0]
    producer = send_and_stop(gateway)
    gateway.start()
    us.send(producer, 100)
    producer.flush()
    gateway.wait_quiet()
    assert gaps(gateway) == []
    ids = gateway.sql("SELECT DISTINCT cluster_id FROM source")
    assert len(ids) == 1 and ids[0][0], ids
    gateway.check()
