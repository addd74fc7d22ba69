# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A test fails where a daemon dies by itself or a sanitizer has something to
say, also if the test itself has not noticed."""

import os
import signal

import pytest

from harness.feeds import FeedUnderTest
from harness.gateway import Gateway, program
from harness.process import Process


@pytest.fixture
def gateway(programs, shared_postgres, shared_kafka, folder, stem):
    made = Gateway(shared_postgres, {"main": shared_kafka}, folder,
                   [FeedUnderTest("us", stem)], stem, lanes=1)
    yield made.set_up()
    made.tear_down()


def wait_for_end(daemon):
    """Without a word to the harness that it is meant."""
    daemon.child.wait(30)


def test_a_daemon_that_ends_in_order_is_no_fault(gateway):
    gateway.start()
    assert gateway.finish() == ""


def test_a_daemon_that_dies_by_itself_is_a_fault(gateway):
    daemon = gateway.start()
    daemon.child.send_signal(signal.SIGKILL)
    wait_for_end(daemon)
    assert "waybilld d1 ended by itself with status -9" in gateway.finish()


def test_a_daemon_that_ends_with_an_error_is_a_fault(gateway):
    daemon = gateway.start()
    # It is asked to stop, and cannot do it well any more.
    daemon.stop = lambda *_: 1
    assert "ended with 1" in gateway.finish()


def is_sanitized():
    with open(program("waybilld"), "rb") as f:
        return b"__asan_init" in f.read()


def test_a_report_of_a_sanitizer_is_a_fault(gateway):
    if not is_sanitized():
        pytest.skip("waybilld is built without AddressSanitizer")
    daemon = gateway.start()
    daemon.is_asked_to_end = True       # its end alone does not tell
    daemon.child.send_signal(signal.SIGSEGV)
    wait_for_end(daemon)
    assert "ERROR: AddressSanitizer: SEGV" in gateway.finish()


def test_a_killed_daemon_and_a_crash_point_are_no_faults(gateway):
    gateway.start("d1", settings={"lease": "2s"}).kill()
    daemon = gateway.start("d2", crash=("LEASE_RENEWED", 1), ready=False,
                           settings={"lease": "2s"})
    wait_for_end(daemon)
    assert os.path.exists(daemon.marker)
    assert gateway.faults() == ""


def test_a_process_knows_whether_it_was_asked_to_end(folder):
    def run(command):
        return Process("sh", ["/bin/sh", "-c", command],
                       os.path.join(folder, "log"))
    meant, unmeant = run("sleep 60"), run("exit 3")
    unmeant.child.wait()
    assert unmeant.has_died() and not meant.has_died()
    unmeant.kill()          # too late to have been asked
    meant.kill()
    assert unmeant.has_died() and not meant.has_died()
