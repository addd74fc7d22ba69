# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""One Postgres and one Kafka for a whole run; tests that kill a server take
their own. Each test has a database and topic names of its own."""

import os
import re
import shutil
import sys
import tempfile
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from harness.kafka import Kafka  # noqa: E402
from harness.postgres import Postgres  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call":
        item.has_failed = report.failed


@pytest.fixture(scope="session")
def shared_postgres():
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def shared_kafka():
    with Kafka(name="a", heap="768m") as cluster:
        yield cluster


@pytest.fixture(scope="session")
def shared_kafka_b():
    with Kafka(name="b") as cluster:
        yield cluster


@pytest.fixture
def own_postgres():
    with Postgres() as server:
        yield server


@pytest.fixture
def own_kafka():
    with Kafka(name="a") as cluster:
        yield cluster


@pytest.fixture
def own_kafka_b():
    with Kafka(name="b") as cluster:
        yield cluster


_used = {}


@pytest.fixture
def stem(request):
    """A short name that no other test of this run has."""
    base = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:24].strip("-")
    _used[base] = _used.get(base, 0) + 1
    return base if _used[base] == 1 else "%s-%d" % (base, _used[base])


@pytest.fixture
def folder(request):
    """A temporary folder, kept when the test fails and KEEP is set."""
    path = tempfile.mkdtemp(prefix="wbtest.")
    os.chmod(path, 0o755)
    yield path
    if os.environ.get("KEEP") and getattr(request.node, "has_failed", False):
        print("kept: " + path)
    else:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(autouse=True)
def _hang(request):
    """Ends a test that hangs: a minute by default, more where it says so."""
    import signal
    marker = request.node.get_closest_marker("within")
    seconds = marker.args[0] if marker else 120

    def too_long(*_):
        raise TimeoutError("the test took longer than %d s" % seconds)
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    yield
    signal.alarm(0)


def pytest_configure(config):
    config.addinivalue_line("markers",
                            "within(seconds): how long the test may take")
    config.addinivalue_line("markers",
                            "long: takes minutes")


@pytest.fixture
def clock():
    began = time.monotonic()
    return lambda: time.monotonic() - began
