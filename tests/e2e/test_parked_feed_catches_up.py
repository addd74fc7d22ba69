# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A feed that a cluster refuses waits in the journal while all others flow;
when the cause is mended it catches up, in order and exactly once, also if the
daemon is killed meanwhile."""

import signal

import pytest

from harness import topics
from harness.process import wait_until

TOPIC_LIMIT = 100000
NOT_FOUND, NEEDS_A_PERSON = 3, 5     # exit codes
STAMPED = {"message.timestamp.type": "LogAppendTime"}


def is_parked(gateway, feed):
    return gateway.sql(
        "SELECT count(*) FROM parked WHERE tenant = %s AND feed = %s "
        "AND NOT release_wanted", (feed.tenant, feed.feed))[0][0] > 0


def wait_parked(gateway, feed):
    wait_until(lambda: is_parked(gateway, feed), 30, "the feed to be parked")


def wait_caught_up(gateway):
    gateway.wait_quiet(90)
    wait_until(lambda: not gateway.sql("SELECT FROM parked"), 30,
               "the end of parking")


def send_large(nl, producer):
    """A message that its contract allows, and its topic does not."""
    value = dict(nl.contract.make(nl.next), actie="x" * TOPIC_LIMIT)
    key = nl.contract.key(value)
    nl.send_raw(producer, nl.contract.encode(value), key,
                nl.partition_of(key))


@pytest.mark.within(180)
def test_one_large_message_and_unpark(make_gateway):
    gateway = make_gateway()
    us, nl = gateway.feeds
    bootstrap = gateway.kafkas["main"].bootstrap
    topics.configure(bootstrap, nl.output,
                     dict(STAMPED, **{"max.message.bytes": str(TOPIC_LIMIT)}))
    gateway.start()
    producer = gateway.producer()
    nl.send(producer, 50)
    send_large(nl, producer)
    nl.send(producer, 50)
    us.send(producer, 100)
    producer.flush()
    gateway.wait_recorded()
    wait_parked(gateway, nl)
    wait_until(lambda: len(gateway.output(us)) == 100, 30, "the other feed")
    said = gateway.waybill("status", status=NEEDS_A_PERSON)
    assert "nl/sales is parked" in said and "waybill unpark" in said

    # Asked for too early, it is parked again.
    unpark = ("unpark", "--cluster", "main", "--tenant", "nl", "--feed",
              "sales")
    assert "nl" in gateway.waybill(*unpark)
    wait_parked(gateway, nl)
    nl.send(producer, 20)
    producer.flush()
    gateway.wait_recorded()

    topics.configure(bootstrap, nl.output, STAMPED)
    gateway.waybill(*unpark)
    wait_caught_up(gateway)
    gateway.waybill("status")
    gateway.waybill(*unpark, status=NOT_FOUND)   # there is nothing to unpark
    gateway.check()


@pytest.mark.within(180)
@pytest.mark.parametrize("point", ["FORWARD_PROGRESS", "FORWARD_COMMITTED",
                                   "DELIVERY_SENT", "DELIVERY_RECORDED"])
def test_killed_while_it_catches_up(make_gateway, point):
    gateway = make_gateway()
    us, nl = gateway.feeds
    bootstrap = gateway.kafkas["main"].bootstrap
    topics.delete(bootstrap, [nl.output])
    gateway.start()
    producer = gateway.producer()
    for _ in range(5):
        for feed in (us, nl):
            feed.send(producer, 40)
            feed.send_truncated(producer, 2)
        producer.flush()
        gateway.wait_recorded()
    wait_parked(gateway, nl)
    gateway.stop()

    gateway.create_topics(nl, only=("output",))
    # Nothing else is to be sent: the first transaction is the backlog's.
    daemon = gateway.start("d2", crash=(point, 1), ready=False)
    assert daemon.wait(60) == -signal.SIGKILL and daemon.has_crashed()
    gateway.start("d3", settings={"lease": "2s"})
    wait_caught_up(gateway)
    gateway.check()
