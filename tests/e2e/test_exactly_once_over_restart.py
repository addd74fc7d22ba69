# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Each message leaves exactly once, however often and however roughly the
daemon, Postgres or Kafka are restarted while messages come in."""

import time

import pytest

from harness.chance import chance
from harness.traffic import Traffic

SHORT_LEASE = {"lease": "2s"}


def test_over_clean_restarts(make_gateway):
    gateway = make_gateway()
    producer = gateway.producer()
    with Traffic(producer, gateway.feeds):
        for _ in range(4):
            gateway.start()
            time.sleep(1.5)
            gateway.stop()
    gateway.start()
    gateway.wait_quiet()
    gateway.check()
    gateway.stop()


def test_a_second_start_finds_nothing_to_do(make_gateway):
    gateway = make_gateway()
    producer = gateway.producer()
    gateway.start()
    for feed in gateway.feeds:
        feed.send(producer, 100)
    producer.flush()
    gateway.wait_quiet()

    def everything():
        """Partitions are read in any order."""
        return sorted((m.topic, m.partition, m.offset, m.value)
                      for f in gateway.feeds for m in gateway.output(f))
    before = everything()
    assert len(before) == 200
    gateway.stop()
    gateway.start()
    time.sleep(2)
    assert everything() == before
    gateway.check()


def kill_at_random(gateway, rounds):
    rng = chance()
    producer = gateway.producer()
    with Traffic(producer, gateway.feeds, per_second=2000):
        for _ in range(rounds):
            daemon = gateway.start(settings=SHORT_LEASE, ready=False)
            daemon.wait_ready(daemon.is_ready, 60)
            time.sleep(rng.uniform(0, 2))
            daemon.kill()
    gateway.start()
    gateway.wait_quiet(90)
    gateway.check()


@pytest.mark.within(300)
def test_over_kill_9_at_any_time(make_gateway):
    kill_at_random(make_gateway(), 10)


@pytest.mark.long
@pytest.mark.within(3600)
def test_over_kill_9_again_and_again(make_gateway):
    kill_at_random(make_gateway(), 200)


@pytest.mark.within(240)
def test_over_a_crash_of_postgres(own_postgres, make_gateway):
    """kill -9 of the postmaster and its children, under load."""
    gateway = make_gateway(postgres=own_postgres)
    gateway.start()
    producer = gateway.producer()
    rng = chance()
    with Traffic(producer, gateway.feeds, per_second=2000):
        for _ in range(3):
            time.sleep(rng.uniform(1, 3))
            own_postgres.kill()
            own_postgres.start()
    gateway.wait_quiet(120)
    gateway.check()


@pytest.mark.within(300)
def test_over_a_crash_of_kafka(own_kafka, make_gateway):
    gateway = make_gateway(kafkas={"main": own_kafka})
    gateway.start()
    producer = gateway.producer()
    with Traffic(producer, gateway.feeds):
        for _ in range(2):
            time.sleep(3)
            own_kafka.restart()
    gateway.wait_quiet(180)
    gateway.check()


@pytest.mark.within(240)
def test_over_a_takeover_by_another_daemon(make_gateway):
    gateway = make_gateway(lanes=4)
    producer = gateway.producer()
    settings = {"lease": "2s"}
    first = gateway.start("d1", settings=settings)
    with Traffic(producer, gateway.feeds):
        time.sleep(2)
        gateway.start("d2", settings=settings)
        time.sleep(4)
        first.kill()
        time.sleep(4)
        third = gateway.start("d3", settings=settings)
        time.sleep(3)
        third.stop()
    gateway.wait_quiet(90)
    gateway.check()


@pytest.mark.within(240)
def test_over_a_pause_that_is_longer_than_the_lease(make_gateway):
    gateway = make_gateway()
    producer = gateway.producer()
    settings = {"lease": "2s"}
    first = gateway.start("d1", settings=settings)
    with Traffic(producer, gateway.feeds):
        time.sleep(2)
        first.pause()
        gateway.start("d2", settings=settings, ready=False)
        time.sleep(6)
        first.resume()
        time.sleep(4)
    gateway.wait_quiet(90)
    gateway.check()
