# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A feed is taken out of the catalogue while messages of it are recorded and
not yet forwarded: they still leave, once each; its topics do not pass to
another feed before; and when it is added again it goes on where it was."""

import time

import pytest

from harness.feeds import FeedUnderTest
from harness.kafka import Kafka
from harness.traffic import Traffic


@pytest.fixture
def two(shared_kafka, make_gateway):
    with Kafka(name="west") as west:
        yield make_gateway(kafkas={"main": shared_kafka, "west": west})


def prune(gateway, *feeds):
    """Only these feeds are in the files; all that apply says."""
    gateway.catalogue.feeds = list(feeds)
    deploy = gateway.catalogue.write(gateway.folder + "/deploy")
    return gateway.waybill("apply", "-f", deploy, "--prune", "--skip-topics",
                           status=None)


@pytest.mark.within(240)
def test_pruned_while_a_cluster_is_down(two):
    us, nl = two.feeds
    west = two.kafkas["west"]
    heir = FeedUnderTest("nl", nl.output, feed="heir")
    heir.output = nl.output
    two.create_topics(heir, only=("input", "dead"))
    producer = two.producer()
    two.start()
    for feed in two.feeds:
        feed.send(producer, 300)
    producer.flush()
    two.wait_quiet()
    west.kill()
    for feed in two.feeds:
        feed.send(producer, 700)
    nl.send_truncated(producer, 20)
    producer.flush()
    two.wait_quiet(clusters=["main"])

    said = prune(two, us)
    assert "- feed nl/sales" in said
    assert "west still goes there" in said
    us.send(producer, 100)
    producer.flush()

    # Another feed may have its topic when the topic has all that is owed.
    said = prune(two, us, heir)
    assert "still has recorded messages" in said and "west yet" in said
    assert [("nl", "sales")] == two.sql(
        "SELECT tenant, feed FROM feed WHERE removed_at IS NOT NULL")

    west.start()
    two.wait_quiet(120)
    assert len(two.output(nl, "west")) == len(two.output(nl, "main")) == 1000
    assert len(two.dead_letters(nl, "west")) == 20
    two.check()
    for _ in range(50):                 # the mark is made once a second
        said = prune(two, us, heir)
        if "applied" in said:
            break
        time.sleep(0.2)
    assert "+ feed nl/heir" in said
    two.feeds.append(heir)
    heir.send(producer, 50)
    producer.flush()
    two.wait_quiet()
    assert len(two.output(heir, "west")) == 1050


@pytest.mark.within(120)
def test_pruned_and_added_again_under_load(make_gateway):
    gateway = make_gateway()
    us, nl = gateway.feeds
    gateway.start()
    producer = gateway.producer()
    with Traffic(producer, gateway.feeds):
        for _ in range(3):
            time.sleep(1)
            assert "- feed nl/sales" in prune(gateway, us)
            time.sleep(1)
            assert "+ feed nl/sales" in prune(gateway, us, nl)
    gateway.wait_quiet(60)
    assert len(gateway.output(nl)) + len(gateway.dead_letters(nl)) == nl.sent
    gateway.check()
