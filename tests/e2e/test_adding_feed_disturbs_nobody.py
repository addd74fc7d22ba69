# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A feed that is added wrongly disturbs nobody: its contract does not compile,
its topics are missing, its topic is another feed's. Whoever is right flows."""

import time

import pytest

from harness import topics
from harness.feeds import US, Contract, FeedUnderTest
from harness.traffic import Traffic

BROKEN = Contract("Broken", [{"name": "a", "type": "no-such-type"}], {},
                  lambda n: {}, lambda v: b"")


@pytest.fixture
def flowing(make_gateway):
    gateway = make_gateway(feeds=("us",))
    gateway.start()
    return gateway


def declare(gateway, feed):
    gateway.catalogue.feeds.append(feed)


def flows(gateway):
    """More messages of the first feed go all the way."""
    us = gateway.feeds[0]
    producer = gateway.producer()
    us.send(producer, 200)
    producer.flush()
    gateway.wait_quiet()


def test_a_contract_that_does_not_compile_is_refused_with_its_place(
        flowing, stem):
    version = flowing.sql("SELECT max(change) FROM catalogue_change")
    declare(flowing, FeedUnderTest("us", stem, BROKEN, feed="broken"))
    deploy = flowing.catalogue.write(flowing.folder + "/deploy")
    said = flowing.waybill("apply", "-f", deploy, status=1)
    assert "us-broken.avsc" in said and "no-such-type" in said
    # All or nothing.
    assert flowing.sql("SELECT max(change) FROM catalogue_change") == version
    flows(flowing)
    flowing.check()


def test_a_topic_that_belongs_to_another_feed_is_refused(flowing, stem):
    other = FeedUnderTest("us", stem, US, feed="copy")
    other.input = flowing.feeds[0].input
    declare(flowing, other)
    deploy = flowing.catalogue.write(flowing.folder + "/deploy")
    assert other.input in flowing.waybill("apply", "-f", deploy, status=1)
    flows(flowing)
    flowing.check()


def test_a_feed_whose_topics_are_missing_waits_alone(flowing, stem):
    late = FeedUnderTest("nl", stem)
    declare(flowing, late)
    deploy = flowing.catalogue.write(flowing.folder + "/deploy")
    flowing.waybill("apply", "-f", deploy)       # without --create-topics
    time.sleep(2)
    flows(flowing)

    flowing.create_topics(late)
    flowing.feeds.append(late)
    producer = flowing.producer()
    late.send(producer, 100)
    producer.flush()
    flowing.wait_quiet(90)
    flowing.check()


@pytest.mark.within(240)
def test_many_feeds_added_one_by_one_under_load(flowing, stem):
    producer = flowing.producer()
    with Traffic(producer, flowing.feeds[:1]):
        for n in range(5):
            feed = FeedUnderTest("t%d" % n, stem, US, feed="sales")
            flowing.add_feed(feed)
            late = flowing.producer()
            feed.send(late, 50)
            late.flush()
    flowing.wait_quiet(90)
    flowing.check()
    assert topics.partitions_of(flowing.kafkas["main"].bootstrap,
                                "waybill.%s.progress" % flowing.deployment)


def test_applying_the_same_again_changes_nothing(flowing):
    version = flowing.sql("SELECT max(change) FROM catalogue_change")
    flowing.apply()
    assert flowing.sql("SELECT max(change) FROM catalogue_change") == version
