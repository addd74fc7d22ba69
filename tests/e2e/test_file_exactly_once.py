# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A file that is published leaves once, whole, each key in the order of the
file, however often the program or the daemon is killed in the middle of it."""

import copy
import os
import random
import time

import pytest

from harness.feeds import US, FeedUnderTest
from harness.files import Publisher, csv_of, ndjson_of


def check_once(gateway, feed, publisher, digest, count):
    """Each record is accepted once, and left once, in order per key."""
    verdicts = {}
    for verdict, number in publisher.records(digest):
        verdicts.setdefault(number, []).append(verdict)
    assert sorted(verdicts) == list(range(count))
    for number, found in verdicts.items():
        assert found.count("accepted") == 1, (number, found)
        assert set(found) <= {"accepted", "duplicate"}, (number, found)
    sent, came = {}, {}
    for n in range(count):
        key, body = feed.contract.message(n)
        sent.setdefault(key, []).append(body)
    for message in gateway.output(feed):
        came.setdefault(message.key, []).append(message.value)
    assert came == sent


@pytest.mark.within(300)
def test_killed_publish_resumes_exactly(make_gateway):
    gateway = make_gateway()
    us, _ = gateway.feeds
    gateway.start()
    publisher = Publisher(gateway, us)
    count = 30000
    path = publisher.write("stock.csv", csv_of(us, count))
    chance = random.Random(7)
    kills = 0
    while kills < 8:
        process = publisher.start("--file", path, "--batch", 20)
        time.sleep(chance.uniform(0.02, 0.4))
        if process.poll() is None:
            process.kill()
            kills += 1
        process.communicate()
        if process.returncode == 0:
            break
    assert kills > 0
    # How far it is: it must have got somewhere, and not have ended.
    before = gateway.recorded()
    summary = publisher.publish("--file", path)
    assert summary["complete"] and summary["records"] == count
    assert summary["accepted"] + summary["duplicate"] + \
        summary["recorded_before"] == count
    assert before == 0 or summary["recorded_before"] > 0
    gateway.wait_quiet()
    check_once(gateway, us, publisher, summary["file"], count)
    # Once more: there is nothing to do.
    again = publisher.publish("--file", path)
    assert again["recorded_before"] == count
    assert again["accepted"] == again["duplicate"] == 0
    gateway.check()


@pytest.mark.within(300)
def test_daemon_killed_under_it_loses_and_doubles_nothing(make_gateway):
    gateway = make_gateway()
    us, _ = gateway.feeds
    daemon = gateway.start()
    publisher = Publisher(gateway, us)
    count = 20000
    path = publisher.write("stock.ndjson", ndjson_of(us, count))
    process = publisher.start("--file", path, "--batch", 100)
    settings = {"rest": {"listen": "127.0.0.1:%d" % daemon.rest_port}}
    for n in range(3):
        publisher.wait_records(2000 * (n + 1))
        daemon.kill()
        gateway.daemons.remove(daemon)
        daemon = gateway.start("d%d" % (n + 2), settings=settings)
    summary = publisher.end(process, timeout_s=200)
    assert summary["complete"] and summary["requests_repeated"] > 0
    gateway.wait_quiet()
    check_once(gateway, us, publisher, summary["file"], count)
    gateway.check()


@pytest.mark.within(300)
def test_contract_that_changes_meanwhile_neither_loses_nor_doubles(
        make_gateway, stem):
    us = FeedUnderTest("us", stem, copy.deepcopy(US))
    gateway = make_gateway([us])
    gateway.start()
    publisher = Publisher(gateway, us)
    count = 20000
    path = publisher.write("stock.csv", csv_of(us, count))
    process = publisher.start("--file", path, "--batch", 20)
    publisher.wait_records(500)
    us.contract.schema["fields"].append(
        {"name": "reserved", "type": "long", "default": 0})
    gateway.apply()
    summary = publisher.end(process)
    assert summary["accepted"] + summary["duplicate"] == count
    assert summary["rejected"] == summary["conflict"] == 0
    found = gateway.sql("""
        SELECT m.source_offset, count(*) FILTER (WHERE verdict = 'accepted')
        FROM message m GROUP BY 1""")
    assert len(found) == count and {n for _, n in found} == {1}
    assert gateway.sql("SELECT count(DISTINCT contract) FROM message") == [
        (2,)]
    gateway.wait_quiet()
    gateway.check()


@pytest.mark.within(200)
def test_one_connection_keeps_the_order_of_the_file(make_gateway):
    gateway = make_gateway(lanes=1)
    us, _ = gateway.feeds
    gateway.start()
    publisher = Publisher(gateway, us)
    path = publisher.write("stock.csv", csv_of(us, 2000))
    summary = publisher.publish("--file", path, "--connections", 1, "--batch",
                                70)
    rows = gateway.sql("SELECT source_offset FROM message ORDER BY lane, seq")
    assert [r[0] for r in rows] == list(range(2000))
    assert summary["accepted"] == 2000
    gateway.wait_quiet()


@pytest.mark.within(200)
def test_standard_input_and_names(make_gateway):
    gateway = make_gateway()
    us, _ = gateway.feeds
    gateway.start()
    publisher = Publisher(gateway, us)
    path = publisher.write("stock.csv", csv_of(us, 500))
    with open(path) as stdin:
        first = publisher.publish("--file", "-", "--format", "csv",
                                  stdin=stdin)
    assert first["accepted"] == 500
    # The same bytes are the same file, by whatever way they come.
    second = publisher.publish("--file", path)
    assert (second["file"], second["recorded_before"]) == (first["file"], 500)
    # A name makes another one of it.
    third = publisher.publish("--file", path, "--id", "2026-11-23")
    assert third["accepted"] == 500 and third["file"] != first["file"]
    fourth = publisher.publish("--file", path, "--id", "2026-11-23")
    assert fourth["recorded_before"] == 500
    gateway.wait_quiet()
    gateway.check()
    assert os.path.exists(path)
