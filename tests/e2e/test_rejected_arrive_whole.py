# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A rejected message arrives on its dead-letter topic whole: its key, its body
and its headers byte for byte, and with them who it was for, where it came from
and why it was refused. The journal says the same."""

import json


def test_bytes_origin_and_reasons(make_gateway):
    gateway = make_gateway()
    us, nl = gateway.feeds
    producer = gateway.producer()
    odd = [("trace", b"\x00\xff"), ("trace", None), ("", b""),
           ("naïve", "née".encode())]
    cases = []                     # (feed, key, body, headers, ledger number)
    for feed in (us, nl):
        key, body = feed.contract.message(7)
        for k, b, h in ((key, body[:-1], odd),
                        (key, body + b"\x00", []),
                        (b"", b"", []),
                        (None, bytes(range(256)), odd)):
            n = feed.send_raw(producer, b, k, 1, headers=h)
            cases.append((feed, k, b, tuple(h), n))
        feed.send(producer, 100)
    producer.flush()
    gateway.start()
    gateway.wait_quiet()
    gateway.check()

    for feed, key, body, headers, n in cases:
        topic, partition, offset = producer.ledger[n]
        came_from = ("%s/%d/%d" % (topic, partition, offset)).encode()
        (dead,) = [m for m in gateway.dead_letters(feed)
                   if dict(m.headers)["waybill-source"] == came_from]
        ours = dead.headers[len(headers):]
        said = dict(ours)
        assert (dead.key, dead.value) == (key, body)
        assert dead.headers[:len(headers)] == headers
        assert [name for name, _ in ours] == [
            "waybill-id", "waybill-source", "waybill-time", "waybill-tenant",
            "waybill-feed", "waybill-contract", "waybill-violations"]
        assert said["waybill-tenant"] == feed.tenant.encode()
        assert said["waybill-feed"] == feed.feed.encode()
        assert said["waybill-contract"].endswith(b"/1")

        reasons = json.loads(said["waybill-violations"])
        identity = said["waybill-id"].decode()
        lane, incarnation, seq = map(int, identity.split("-"))
        rows = gateway.sql(
            "SELECT rule, path, expected, value FROM violation WHERE "
            "lane = %s AND incarnation = %s AND seq = %s ORDER BY ordinal",
            (lane, incarnation, seq))
        assert rows == [(r["rule"], r["path"], r["expected"], r["value"])
                        for r in reasons]
        assert all(rule for rule, *_ in rows)
        ((verdict, recorded),) = gateway.sql(
            "SELECT verdict, body FROM message_by_id(%s)", (identity,))
        assert (verdict, bytes(recorded)) == ("rejected", body)


def test_they_do_not_reach_the_output_and_hold_up_nobody(make_gateway):
    gateway = make_gateway(feeds=("us",))
    us = gateway.feeds[0]
    producer = gateway.producer()
    for _ in range(50):
        us.send(producer, 3)
        us.send_truncated(producer)
    producer.flush()
    gateway.start()
    gateway.wait_quiet()
    found = gateway.check()
    counts = found.counts["us", "sales"]
    assert counts.verdicts[:2] == [150, 50]
    assert counts.forwarded == {"main": 150}
    assert counts.dead_letters == {"main": 50}
