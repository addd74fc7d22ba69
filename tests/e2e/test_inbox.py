# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""What is put into the watched folder is recorded once, and moved with a
report, over restarts and by any number of daemons."""

import json
import os

import pytest

from harness.files import csv_of, ndjson_of
from harness.process import wait_until


class Inbox:
    def __init__(self, gateway):
        self.folder = os.path.join(gateway.folder, "inbox")
        self.settings = {"inbox": {"folder": self.folder, "quiet": "0s"}}
        for feed in gateway.feeds:
            os.makedirs(self.of(feed))

    def of(self, feed, *more):
        return os.path.join(self.folder, feed.tenant, feed.feed, *more)

    def put(self, feed, name, content):
        """Whole, by rename."""
        hidden = self.of(feed, "." + name)
        with open(hidden, "w") as f:
            f.write(content)
        os.rename(hidden, self.of(feed, name))

    def report(self, feed, name, place="done", timeout_s=60):
        path = self.of(feed, place, name)
        wait_until(lambda: os.path.exists(path), timeout_s,
                   "%s in %s" % (name, place), 0.05)
        with open(path + ".report.json") as f:
            return json.load(f)


def numbers_of(gateway):
    return gateway.sql("SELECT source_topic, source_offset, "
                       "count(*) FILTER (WHERE verdict <> 'duplicate') "
                       "FROM message GROUP BY 1, 2 ORDER BY 1, 2")


@pytest.mark.within(200)
def test_dropped_files_are_recorded_and_moved(make_gateway):
    gateway = make_gateway()
    us, nl = gateway.feeds
    inbox = Inbox(gateway)
    gateway.start(settings=inbox.settings)
    lines = csv_of(us, 3000).splitlines()
    lines[1000] = "no,number"
    inbox.put(us, "stock.csv", "\n".join(lines) + "\n")
    inbox.put(nl, "week.ndjson", ndjson_of(nl, 500))
    inbox.put(us, "notes.txt", "nothing for us")
    report = inbox.report(us, "stock.csv")
    assert report["complete"]
    assert (report["accepted"], report["rejected"]) == (2999, 1)
    with open(inbox.of(us, "done", "stock.csv.rejects.ndjson")) as f:
        (reject,) = [json.loads(line) for line in f]
    assert (reject["line"], reject["original"]) == (1001, "no,number")
    assert inbox.report(nl, "week.ndjson")["accepted"] == 500
    # The same again, by another name: nothing is new.
    inbox.put(us, "again.csv", "\n".join(lines) + "\n")
    assert inbox.report(us, "again.csv")["recorded_before"] == 3000
    inbox.put(us, "open.csv", csv_of(us, 10, 5000) + '1,"open')
    broken = inbox.report(us, "open.csv", "failed")
    assert not broken["complete"] and broken["error"]["text"]
    assert broken["accepted"] == 10
    assert os.path.exists(inbox.of(us, "notes.txt"))
    assert gateway.recorded() == 3510
    gateway.wait_quiet()
    gateway.check()


@pytest.mark.within(300)
def test_killed_and_shared_it_is_exact(make_gateway):
    gateway = make_gateway()
    us, _ = gateway.feeds
    inbox = Inbox(gateway)
    for n in range(3):
        inbox.put(us, "part-%d.csv" % n, csv_of(us, 8000, n * 8000))
    for n in range(3):
        daemon = gateway.start("d%d" % n, settings=inbox.settings)
        wait_until(lambda: gateway.recorded() > n * 2000 or os.path.exists(
            inbox.of(us, "done", "part-2.csv")), 60, "records", 0.01)
        daemon.kill()
        gateway.daemons.remove(daemon)
    gateway.start("e1", settings=inbox.settings)
    gateway.start("e2", settings=inbox.settings)
    for n in range(3):
        inbox.report(us, "part-%d.csv" % n, timeout_s=120)
    found = numbers_of(gateway)
    assert len(found) == 24000
    assert {count for _, _, count in found} == {1}
    us.sent = 24000
    gateway.wait_quiet()
    gateway.check()


@pytest.mark.within(200)
def test_file_under_way_is_left_alone(make_gateway):
    gateway = make_gateway()
    us, _ = gateway.feeds
    inbox = Inbox(gateway)
    inbox.settings["inbox"]["quiet"] = "3s"
    gateway.start(settings=inbox.settings)
    text = csv_of(us, 100)
    path = inbox.of(us, "slow.csv")
    with open(path, "w") as f:
        for at in range(0, len(text), 700):
            f.write(text[at:at + 700])
            f.flush()
            assert not wait_quietly(lambda: gateway.recorded() > 0, 0.5)
    assert inbox.report(us, "slow.csv")["accepted"] == 100
    gateway.wait_quiet()


def wait_quietly(condition, seconds):
    try:
        wait_until(condition, seconds, "nothing", 0.1)
        return True
    except Exception:
        return False
