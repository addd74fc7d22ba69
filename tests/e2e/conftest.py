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


@pytest.fixture(scope="session")
def programs():
    """What is tested must be built; ./check takes a skip for a failure."""
    from harness.gateway import missing_programs
    if missing_programs():
        pytest.skip(missing_programs())


@pytest.fixture
def make_gateway(request, programs, shared_postgres, shared_kafka, folder,
                 stem):
    """A function that sets up a deployment; ended and looked at afterwards."""
    from harness.feeds import FeedUnderTest
    from harness.gateway import Gateway
    made = []

    def make(feeds=("us", "nl"), postgres=None, kafkas=None, lanes=2, **more):
        under_test = [f if isinstance(f, FeedUnderTest) else
                      FeedUnderTest(f, stem) for f in feeds]
        gateway = Gateway(postgres or shared_postgres,
                          kafkas or {"main": shared_kafka}, folder,
                          under_test, stem, lanes, **more)
        made.append(gateway)
        return gateway.set_up()
    yield make
    faults = ""
    for gateway in made:
        if getattr(request.node, "has_failed", False):
            print(gateway.logs())
            gateway.tear_down()
            faults += gateway.sanitizer_reports()
        else:
            faults += gateway.finish()
    assert not faults, faults


@pytest.fixture(scope="session")
def million(programs, shared_postgres, shared_kafka):
    """A deployment that has carried a million messages; daemons stopped."""
    from harness.feeds import FeedUnderTest
    from harness.gateway import Gateway
    count = int(os.environ.get("WAYBILL_MILLION", 1000000))
    path = tempfile.mkdtemp(prefix="wbtest.")
    gateway = Gateway(shared_postgres, {"main": shared_kafka}, path,
                      [FeedUnderTest(t, "million", partitions=8)
                       for t in ("us", "nl")], "million")
    try:
        gateway.set_up()
        gateway.messages = count
        gateway.start()
        producer = gateway.producer()
        us, nl = gateway.feeds
        gateway.needles = []
        for n in range(count // 200):
            us.send(producer, 119)
            nl.send(producer, 79)
            (us if n % 2 else nl).send_truncated(producer, 1)
            gateway.needles += _needle(us, producer, n)
        producer.flush()
        gateway.wait_quiet(900)
        gateway.stop()
        yield gateway
        faults = gateway.finish()
        assert not faults, faults
    finally:
        gateway.tear_down()
        shutil.rmtree(path, ignore_errors=True)


def _needle(feed, producer, n):
    """One message in each 200 fills the number; a few have a key of their
    own: (key, how many messages have it)."""
    if n % 1000 != 500:
        feed.send(producer, 1)
        return []
    value = dict(feed.contract.make(n), item="needle-%d" % n)
    key = feed.contract.key(value)
    feed.send_raw(producer, feed.contract.encode(value), key,
                  feed.partition_of(key))
    return [(key, 1)]
