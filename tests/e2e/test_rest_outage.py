# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Kafka is down: REST takes messages all the same and says how far they are,
also after a restart of the daemon meanwhile; when Kafka is back they leave,
once each, in order per key, and receipts say so."""

import pytest

from harness.process import wait_until


@pytest.mark.within(300)
def test_recorded_through_an_outage_with_a_restart(make_gateway, own_kafka):
    gateway = make_gateway(kafkas={"main": own_kafka})
    us, _ = gateway.feeds
    daemon = gateway.start()
    client = gateway.client(us)
    receipts = []

    def publish(count):
        for _ in range(count):
            n = len(receipts)
            answer = client.post(us, us.contract.make(n), id="n-%d" % n)
            assert answer.status == 202, answer
            receipts.append(answer.receipt["id"])
    publish(20)
    own_kafka.kill()
    publish(30)
    # Whoever wants to wait for Kafka is told what is certain by then.
    n = len(receipts)
    answer = client.post(us, us.contract.make(n), id="n-%d" % n,
                         wait="forwarded")
    assert answer.status == 202, answer
    assert answer.receipt["level"] == "recorded"
    receipts.append(answer.receipt["id"])
    daemon.kill()
    daemon = gateway.start("d2")
    client.close()
    client.port = daemon.rest_port
    wait_until(lambda: client.post(us, us.contract.make(n), id="n-%d" % n)
               .status == 202, 30, "the lanes to be taken", 0.2)
    publish(30)
    assert client.receipt(receipts[-1]).json["level"] == "recorded"
    own_kafka.start()
    wait_until(lambda: client.receipt(receipts[-1]).json["level"] ==
               "forwarded", 120, "the message to leave", 0.5)
    wait_until(lambda: len(gateway.output(us)) >= len(receipts), 60,
               "all to leave", 1)
    came = {}
    for m in gateway.output(us):
        came.setdefault(m.key, []).append(m.value)
    sent = {}
    for n in range(len(receipts)):
        key, body = us.contract.message(n)
        sent.setdefault(key, []).append(body)
    assert came == sent
