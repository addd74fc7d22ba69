# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A tenant that has used up its quota is told when to come again, and nobody
else notices."""

import time

from harness.feeds import FeedUnderTest


def test_quota_of_one_does_not_touch_another(make_gateway, stem):
    us, nl = FeedUnderTest("us", stem), FeedUnderTest("nl", stem)
    gateway = make_gateway([us, nl])
    gateway.catalogue.quotas["us"] = {"messages-per-second": 5,
                                      "burst-seconds": 2}
    gateway.apply()
    gateway.start()
    many, other = gateway.client(us), gateway.client(nl)
    statuses = []
    for n in range(40):
        answer = many.post(us, us.contract.make(n))
        statuses.append(answer.status)
        if answer.status == 429:
            assert answer.json["type"] == "/docs/problems/too-many-requests"
            assert int(answer.headers["Retry-After"]) >= 1
            assert "RateLimit" in answer.headers
        else:
            assert "RateLimit-Policy" in answer.headers
        answer = other.post(nl, nl.contract.message(n)[1], "avro/binary")
        assert answer.status == 202, answer
        assert "RateLimit" not in answer.headers
    assert statuses[:10] == [202] * 10
    assert statuses.count(429) > 5
    # What was refused is not there; what was accepted is.
    recorded = gateway.sql("SELECT sum(count)::int FROM block "
                           "WHERE tenant = 'us'")[0][0]
    assert recorded == statuses.count(202)
    # A request larger than the whole burst can never be taken.
    lines = b"\n".join([b"{}"] * 11)
    assert many.post(us, lines, "application/x-ndjson").status == 413
    time.sleep(1.2)
    assert many.post(us, us.contract.make(99)).status == 202
