# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Each message leaves exactly once when the daemon is killed at any step of
the road. Each cell kills at one named point, proves by the marker which the
dying daemon wrote that the point was reached, starts again, and lets the
checker compare journal and topics."""

import os
import re
import signal
import subprocess
import time

import pytest

from harness.gateway import program
from harness.traffic import Traffic

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, "..", "..", "base", "runtime", "crash_points.def")

# Reached once or rarely in the life of a daemon: only the first time is tried.
ONCE = {"LANE_CLAIMED", "LANE_RECOVERED", "LANE_RELEASED"}
TIMES = (1, 5)                  # not the first time: among the long tests
LEASE = {"lease": "1500ms"}     # how long the next daemon waits for the lanes


def points():
    with open(TABLE) as f:
        return re.findall(r"^CRASH_POINT\((\w+),", f.read(), re.M)


CELLS = [pytest.param(p, n, id="%s-%d" % (p, n),
                      marks=[] if n == 1 else [pytest.mark.long])
         for p in points() for n in ((1,) if p in ONCE else TIMES)]


def test_the_table_is_that_of_the_program(programs):
    told = subprocess.run([program("waybilld"), "--print-crash-points"],
                          stdout=subprocess.PIPE, text=True, check=True)
    assert [line.split()[0] for line in told.stdout.splitlines()
            if line.strip()] == points()


@pytest.mark.within(150)
@pytest.mark.parametrize("point, count", CELLS)
def test_killed_at(make_gateway, point, count):
    gateway = make_gateway()
    producer = gateway.producer()
    with Traffic(producer, gateway.feeds):
        daemon = gateway.start(crash=(point, count), ready=False,
                               settings=LEASE)
        if point == "LANE_RELEASED":
            gateway.wait_recorded(1)
            daemon.send(signal.SIGTERM)
        until = time.monotonic() + 40
        while daemon.is_running() and time.monotonic() < until:
            time.sleep(0.05)
        assert daemon.has_crashed(), \
            "%s was not reached %d times\n%s" % (point, count, daemon.tail())
        with open(daemon.marker) as f:
            assert f.read().strip() == point
        assert daemon.wait(10) == -signal.SIGKILL
        gateway.start(settings=LEASE)
    gateway.wait_quiet(90)
    gateway.check()
