# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""One of two output clusters is down: the other gets everything meanwhile,
what is recorded is not held up, and when it comes back it gets all that it
missed, exactly once, in order."""

import time

import pytest

from harness.kafka import Kafka
from harness.process import ProcessError, wait_until
from harness.traffic import Traffic


@pytest.fixture(scope="module")
def west_of_all():
    with Kafka(name="west") as cluster:
        yield cluster


@pytest.fixture
def west(west_of_all):
    """It may be down after a test that has failed."""
    return west_of_all.start()


@pytest.fixture
def two(shared_kafka, west, make_gateway):
    return make_gateway(kafkas={"main": shared_kafka, "west": west})


def route_states(gateway, cluster):
    return {state for (state,) in gateway.sql(
        "SELECT state FROM route WHERE cluster = %s", (cluster,))}


@pytest.mark.within(300)
def test_down_while_messages_come_in(two, west):
    producer = two.producer()
    two.start()
    with Traffic(producer, two.feeds):
        time.sleep(2)
        west.kill()
        for _ in range(3):
            before = two.recorded()
            wait_until(lambda: two.recorded() > before + 500, 60,
                       "recording to go on")
        try:
            wait_until(lambda: route_states(two, "west") <= {"down",
                                                             "stalled"},
                       60, "west to be called down")
        except ProcessError as e:
            raise AssertionError("%s: %s\n%s" % (
                e, two.sql("SELECT * FROM route"), two.logs())) from None
    two.wait_quiet(clusters=["main"])
    assert two.behind("west") > 0
    assert route_states(two, "main") == {"running"}

    west.start()
    two.wait_quiet(120)
    wait_until(lambda: route_states(two, "west") == {"running"}, 60,
               "west to be called running again")
    two.check()


@pytest.mark.within(300)
def test_down_when_the_daemon_starts(two, west):
    producer = two.producer()
    for feed in two.feeds:
        feed.send(producer, 500)
    producer.flush()
    west.kill()
    two.start(ready=False)
    two.wait_quiet(clusters=["main"])
    west.start()
    two.wait_quiet(120)
    two.check()


@pytest.mark.within(300)
def test_the_daemon_is_killed_while_it_catches_up(two, west):
    producer = two.producer()
    daemon = two.start()
    for feed in two.feeds:
        feed.send(producer, 1000)
    producer.flush()
    two.wait_quiet()
    west.kill()
    for feed in two.feeds:
        feed.send(producer, 5000)
    producer.flush()
    two.wait_quiet(clusters=["main"])
    west.start()
    for _ in range(3):
        time.sleep(0.7)
        daemon.kill()
        daemon = two.start(settings={"lease": "2s"}, ready=False)
    two.wait_quiet(120)
    two.check()
