# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A daemon that lost its lanes cannot write, also when midnight lies between:
the day of a journal row comes from the lane, so a row of the old owner can not
slip into yesterday's partition beside the new owner's."""

import time

import psycopg2
import pytest

from harness.process import wait_until
from harness.traffic import Traffic

TOMORROW = """
CREATE OR REPLACE FUNCTION waybill.today() RETURNS date LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN (now() AT TIME ZONE 'utc')::date + 1"""


def owners(gateway):
    """Names of daemons; each start adds a suffix to its name."""
    return {owner and owner.split("-")[0] for (owner,) in
            gateway.sql("SELECT owner FROM lane")}


@pytest.mark.within(240)
def test_a_paused_owner_wakes_up_on_the_next_day(make_gateway):
    gateway = make_gateway()
    producer = gateway.producer()
    settings = {"lease": "2s"}
    stale = gateway.start("stale", settings=settings)
    with Traffic(producer, gateway.feeds):
        time.sleep(2)
        stale.pause()             # in the middle of whatever it was doing
        gateway.start("fresh", settings=settings, ready=False)
        wait_until(lambda: owners(gateway) == {"fresh"}, 60, "the takeover")
        taken = dict(gateway.sql("SELECT lane, epoch FROM lane"))
        gateway.sql(TOMORROW)
        wait_until(lambda: gateway.sql(
            "SELECT count(DISTINCT day) FROM lane_commit")[0][0] == 2,
            60, "commits of the next day")
        stale.resume()
        time.sleep(5)
        # What it has by now, it was given anew: lanes are shared out again.
        for lane, epoch, owner in gateway.sql(
                "SELECT lane, epoch, owner FROM lane"):
            assert epoch > taken[lane] or owner.startswith("fresh")
    gateway.wait_quiet(90)
    gateway.check()
    # Days do not decrease with seq.
    for lane, incarnation in gateway.sql(
            "SELECT DISTINCT lane, incarnation FROM block"):
        days = [d for (d,) in gateway.sql(
            "SELECT day FROM block WHERE lane = %s AND incarnation = %s "
            "ORDER BY first_seq", (lane, incarnation))]
        assert days == sorted(days) and len(set(days)) <= 2


def test_an_old_epoch_is_refused_by_the_lane_itself(make_gateway):
    """What stops it is the compare-and-set, not good manners."""
    gateway = make_gateway(feeds=("us",))
    gateway.start()
    producer = gateway.producer()
    gateway.feeds[0].send(producer, 50)
    producer.flush()
    gateway.wait_quiet()
    gateway.stop()
    lane, incarnation, epoch, following = gateway.sql(
        "SELECT lane, incarnation, epoch, next_seq FROM lane "
        "WHERE next_seq > 1 ORDER BY 1")[0]
    gateway.sql(TOMORROW)
    before = gateway.sql("SELECT * FROM lane ORDER BY lane")
    advance = "SELECT lane_advance(%s, %s, %s, %s, %s, %s)"
    for wrong in ((lane, epoch - 1, incarnation, following),
                  (lane, epoch, incarnation + 1, following),
                  (lane, epoch, incarnation, following - 1),
                  (lane, epoch, incarnation, following + 1)):
        with pytest.raises(psycopg2.Error) as refused:
            gateway.sql(advance, wrong + (wrong[3] + 1,
                                          psycopg2.Binary(bytes(32))))
        assert refused.value.pgcode == "WB001"
    assert gateway.sql("SELECT * FROM lane ORDER BY lane") == before
