# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A message that Kafka held while REST was faster is marked late, where the
contract names a version: on what leaves, in the journal, in history."""

import copy

from harness.feeds import FeedUnderTest, US


def test_kafka_after_rest(make_gateway, stem):
    contract = copy.copy(US)
    contract.schema = copy.deepcopy(US.schema)
    contract.schema["waybill"].update(version="units", late="mark")
    us = FeedUnderTest("us", stem, contract)
    gateway = make_gateway(feeds=(us, "nl"))
    daemon = gateway.start()
    value = contract.make(1)
    key = contract.key(value)
    client = gateway.client(us)
    newer = client.post(us, contract.encode(dict(value, units=7)),
                        "avro/binary", wait="forwarded").receipt["id"]
    producer = gateway.producer()
    for units in (6, 8, 7):
        producer.send(us.input, contract.encode(dict(value, units=units)),
                      key, us.partition_of(key))
    producer.flush()
    us.sent = 4
    gateway.wait_quiet()
    marks = [dict(m.headers).get("waybill-late") for m in gateway.output(us)]
    ids = [dict(m.headers)["waybill-id"].decode() for m in gateway.output(us)]
    assert marks == [None, newer.encode(), None, ids[2].encode()]
    assert "late: %s has a newer version" % newer in \
        gateway.waybill("history", ids[1])
    assert client.receipt(ids[1]).json["verdict"] == "accepted"
    # Who takes the lane knows it, too.
    daemon.stop(60)
    gateway.daemons.remove(daemon)
    gateway.start()
    producer.send(us.input, contract.encode(dict(value, units=5)), key,
                  us.partition_of(key))
    producer.flush()
    us.sent = 5
    gateway.wait_quiet()
    assert dict(gateway.output(us)[-1].headers)["waybill-late"] == \
        ids[2].encode()
    gateway.check()
