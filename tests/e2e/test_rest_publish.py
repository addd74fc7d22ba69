# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""What is published by REST is recorded when its answer says so, leaves like
any other message, and has a receipt from then on."""

import base64
import struct

from harness.process import wait_until


def value_of(feed, n):
    return feed.contract.make(n)


def test_json_and_binary_get_receipts(make_gateway):
    gateway = make_gateway()
    us, nl = gateway.feeds
    gateway.start()
    client = gateway.client(us)
    key, body = us.contract.message(7)
    answer = client.post(us, value_of(us, 7))
    assert answer.status == 202, answer
    receipt = answer.receipt
    assert receipt["verdict"] == "accepted"
    assert receipt["level"] == "recorded"
    assert receipt["partition"] == us.partition_of(key)
    # What was JSON is recorded as the feed carries it.
    (row,) = gateway.sql("SELECT key, body, verdict, origin FROM message_by_id"
                         "(%s)", (receipt["id"],))
    assert (bytes(row[0]), bytes(row[1])) == (key, body)
    assert row[2:] == ("accepted", "rest")
    # The same as it is, with its key, and with a wrong one.
    key, body = us.contract.message(8)
    headers = {"Waybill-Key-Base64": base64.b64encode(key).decode()}
    answer = client.post(us, body, "avro/binary", headers=headers)
    assert answer.status == 202, answer
    answer = client.post(us, body, "avro/binary", key="wrong")
    assert answer.status == 422, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.receipt["verdict"] == "rejected"
    assert answer.receipt["violations"][0]["rule"] == "key.mismatch"
    us.sent = 3
    gateway.wait_quiet()
    assert len(gateway.output(us)) == 2
    assert len(gateway.dead_letters(us)) == 1
    gateway.check()


def test_many_in_one_request_each_with_a_receipt(make_gateway):
    gateway = make_gateway()
    us, _ = gateway.feeds
    gateway.start()
    client = gateway.client(us)
    bodies = [us.contract.message(n)[1] for n in range(50)]
    bodies[17] = bodies[17][:-1]
    packed = b"".join(struct.pack(">I", len(b)) + b for b in bodies)
    answer = client.post(us, packed, "application/vnd.waybill.messages+avro",
                         id="batch-1")
    assert answer.status == 207, answer
    receipts = answer.json["receipts"]
    assert [r["verdict"] for r in receipts] == [
        "rejected" if n == 17 else "accepted" for n in range(50)]
    assert answer.json["counts"] == {"accepted": 49, "rejected": 1}
    assert len({r["id"] for r in receipts}) == 50
    us.sent = 50
    gateway.wait_quiet()
    # Each key's messages left in the order of the request.
    sent = {}
    for n, body in enumerate(bodies):
        if n != 17:
            sent.setdefault(us.contract.message(n)[0], []).append(body)
    came = {}
    for m in gateway.output(us):
        came.setdefault(m.key, []).append(m.value)
    assert came == sent
    gateway.check()


def test_receipt_and_history_follow_the_message(make_gateway):
    gateway = make_gateway()
    us, nl = gateway.feeds
    gateway.start()
    client = gateway.client(us)
    answer = client.post(us, value_of(us, 1), wait="forwarded")
    assert answer.status == 200, answer
    assert answer.receipt["level"] == "forwarded"
    us.sent = 1
    gateway.wait_quiet()
    found = client.receipt(answer.receipt["id"])
    assert found.status == 200, found
    assert found.json["level"] == "forwarded"
    (delivery,) = found.json["deliveries"]
    (message,) = gateway.output(us)
    assert (delivery["topic"], delivery["partition"], delivery["offset"]) == (
        us.output, message.partition, message.offset)
    listed = client.messages(us, key=us.contract.message(1)[0])
    assert [m["id"] for m in listed.json["messages"]] == [
        answer.receipt["id"]]
    # Of another tenant nothing is there.
    other = gateway.client(nl)
    hidden = other.receipt(answer.receipt["id"])
    assert hidden.status == 404
    assert other.receipt("0-1-999999").body == hidden.body
    wait_until(lambda: client.receipt(answer.receipt["id"]).status == 200, 5,
               "the receipt")
