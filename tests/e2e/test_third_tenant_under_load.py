# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A third tenant is added while the other two are busy. It flows without a
restart, and the others do not notice."""

import time

import pytest

from harness.feeds import FeedUnderTest
from harness.process import wait_until
from harness.traffic import Traffic

STALL_MAX_MS = 3000


def longest_stall(messages, since_ms, until_ms):
    """The longest time, in ms, in which nothing arrived."""
    stamps = sorted([since_ms, until_ms] +
                    [m.timestamp for m in messages
                     if since_ms <= m.timestamp <= until_ms])
    return max(b - a for a, b in zip(stamps, stamps[1:]))


@pytest.mark.within(240)
def test_a_tenant_is_added_under_load(make_gateway, stem):
    gateway = make_gateway()
    daemon = gateway.start()
    producer = gateway.producer()
    third = FeedUnderTest("de", stem)
    early = gateway.producer()
    with Traffic(producer, gateway.feeds[:2], per_second=1000):
        time.sleep(4)
        began = time.time() * 1000
        gateway.add_feed(third)
        third.send(early, 1000)
        early.flush()
        wait_until(lambda: gateway.sql(
            "SELECT coalesce(sum(count), 0) FROM block WHERE tenant = 'de'"
        )[0][0] == 1000, 60, "the third tenant's messages")
        time.sleep(2)
        ended = time.time() * 1000
    gateway.wait_quiet()
    assert daemon.is_running() and len(gateway.daemons) == 1
    counts = gateway.check().counts
    assert counts["de", "sales"].verdicts[0] == 1000
    for feed in gateway.feeds[:2]:
        assert longest_stall(gateway.output(feed), began, ended) < STALL_MAX_MS
