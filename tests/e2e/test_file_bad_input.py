# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""What is wrong with a file is told with line and reason; everything else of it
is recorded."""

import json

import pytest

from harness.files import (Publisher, container_of, csv_of, ndjson_of,
                           rejects_of)


@pytest.mark.within(200)
def test_broken_line_is_rejected_recorded_and_listed(make_gateway):
    gateway = make_gateway()
    us, nl = gateway.feeds
    gateway.start()
    publisher = Publisher(gateway, us)
    lines = csv_of(us, 1000).splitlines()
    lines[500] = "not,a,number,at,all"
    lines[700] = '12,"upc-1",3'
    path = publisher.write("stock.csv", "\n".join(lines) + "\n")
    summary = publisher.publish("--file", path, status=5)
    assert (summary["accepted"], summary["rejected"]) == (998, 2)
    listed = {r["line"]: r for r in rejects_of(path)}
    assert sorted(listed) == [501, 701]
    broken = listed[501]
    assert broken["record"] == 499 and broken["original"] == lines[500]
    assert broken["verdict"] == "rejected" and broken["violations"]
    # It is in the journal as any other that is rejected: as it was, and why.
    (row,) = gateway.sql("SELECT body, verdict, source_offset FROM "
                         "message_by_id(%s)", (broken["id"],))
    assert (bytes(row[0]).decode(), row[1], row[2]) == (
        lines[500], "rejected", 499)
    reasons = gateway.sql("SELECT rule FROM violation_of(%s, %s, %s)",
                          tuple(int(n) for n in broken["id"].split("-")))
    assert [r[0] for r in reasons] == [v["rule"] for v in broken["violations"]]
    us.sent = 1000
    gateway.wait_quiet()
    assert len(gateway.dead_letters(us)) == 2
    # Again: what was rejected is told again, and not recorded again.
    again = publisher.publish("--file", path, status=5)
    assert (again["recorded_before"], again["rejected_before"]) == (1000, 2)
    assert [r["line"] for r in rejects_of(path)] == [501, 701]
    assert gateway.recorded() == 1000
    gateway.check()


@pytest.mark.within(200)
def test_what_is_in_front_of_a_break_is_recorded(make_gateway):
    gateway = make_gateway()
    us, _ = gateway.feeds
    gateway.start()
    publisher = Publisher(gateway, us)
    lines = csv_of(us, 300).splitlines()
    lines[200] = '1,"open,2,3,4.5'
    path = publisher.write("open.csv", "\n".join(lines) + "\n")
    summary = publisher.publish("--file", path, status=1)
    assert not summary["complete"]
    assert "201" in summary["error"]["text"], summary
    assert summary["accepted"] == gateway.recorded() == 199
    gateway.wait_quiet()


@pytest.mark.within(200)
def test_container_that_is_cut_is_recorded_up_to_the_cut(make_gateway):
    gateway = make_gateway()
    us, nl = gateway.feeds
    gateway.start()
    publisher = Publisher(gateway, us)
    whole = container_of(us, 1000, "deflate")
    path = publisher.write("cut.avro", whole[:-500])
    summary = publisher.publish("--file", path, status=1)
    recorded = summary["accepted"]
    assert 500 <= recorded < 1000 and recorded % 100 == 0
    assert summary["error"]["text"] and gateway.recorded() == recorded
    # The whole one is another file.
    path = publisher.write("whole.avro", whole)
    assert publisher.publish("--file", path)["accepted"] == 1000
    # What is of another schema is refused before anything is sent.
    path = publisher.write("other.avro", container_of(nl, 10))
    other = publisher.publish("--file", path, status=1)
    assert other["error"]["code"] == "SCHEMA" and other["records"] == 0
    us.sent = recorded + 1000
    gateway.wait_quiet()
    gateway.check()


@pytest.mark.within(200)
def test_dry_run_sends_nothing(make_gateway):
    gateway = make_gateway()
    us, _ = gateway.feeds
    gateway.start()
    publisher = Publisher(gateway, us)
    lines = ndjson_of(us, 400).splitlines()
    lines[123] = '{"store": 1}'
    lines[200] = lines[200].replace('"units"', '"units": 1, "units"')
    path = publisher.write("stock.ndjson", "\n".join(lines) + "\n")
    summary = publisher.publish("--file", path, "--dry-run", status=5)
    assert summary["dry_run"]
    assert (summary["accepted"], summary["rejected"]) == (398, 2)
    assert [r["line"] for r in rejects_of(path)] == [124, 201]
    assert gateway.recorded() == 0


@pytest.mark.within(200)
def test_wrong_key_names_and_addresses_are_told_apart(make_gateway):
    gateway = make_gateway()
    us, nl = gateway.feeds
    gateway.start()
    publisher = Publisher(gateway, us)
    path = publisher.write("stock.csv", csv_of(us, 10))
    nobody = Publisher(gateway, nl)
    nobody.feed = us
    hidden = nobody.publish("--file", path, status=3)
    assert hidden["error"]["code"] == "NOT_FOUND"
    unreachable = publisher.publish("--file", path, "--timeout", 1, port=1,
                                    status=4)
    assert unreachable["error"]["code"] == "TIMEOUT"
    process = publisher.start("--file", path + ".no")
    publisher.end(process, status=2)
    assert gateway.recorded() == 0


@pytest.mark.within(200)
def test_single_message(make_gateway):
    gateway = make_gateway()
    us, _ = gateway.feeds
    gateway.start()
    publisher = Publisher(gateway, us)
    value = json.dumps(us.contract.make(5))
    receipt = publisher.publish("--value", value, "--id", "a")
    assert receipt["verdict"] == "accepted"
    again = publisher.publish("--value", value, "--id", "a")
    assert again["verdict"] == "duplicate" and again["of"] == receipt["id"]
    bad = publisher.publish("--value", "{}", status=5)
    assert bad["verdict"] == "rejected" and bad["violations"]
    us.sent = 3
    gateway.wait_quiet()
    gateway.check()
