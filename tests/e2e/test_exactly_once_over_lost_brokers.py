# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Of three brokers any one may be killed at any time, while messages come in:
nothing is lost, nothing leaves twice, and all goes on without a person."""

import time

import pytest

from harness.chance import chance
from harness.kafka import Kafka
from harness.traffic import Traffic


@pytest.fixture(scope="module")
def three():
    with Kafka(name="three", brokers=3, heap="256m") as cluster:
        yield cluster


def kill_some(cluster, rng, rounds, pause_s):
    for _ in range(rounds):
        time.sleep(rng.uniform(1, pause_s))
        number = rng.randint(1, 3)
        cluster.kill_node(number)
        time.sleep(rng.uniform(0, pause_s))
        cluster.start_node(number)


@pytest.mark.within(300)
def test_a_broker_is_killed_at_random(make_gateway, three):
    run(make_gateway, three, 2)


@pytest.mark.long
@pytest.mark.within(1800)
def test_brokers_are_killed_again_and_again(make_gateway, three):
    run(make_gateway, three, 20)


def run(make_gateway, three, rounds):
    rng = chance()
    gateway = make_gateway(kafkas={"main": three},
                           durability="production")
    gateway.start()
    producer = gateway.producer()
    with Traffic(producer, gateway.feeds, per_second=1000):
        kill_some(three, rng, rounds, 5)
    gateway.wait_quiet(120)
    gateway.check()
