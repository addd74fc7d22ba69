# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""What was recorded can be asked for by HTTP, in pages that neither repeat nor
leave out anything, and only by its own tenant."""

import json
import time


def lines(feed, numbers):
    return "\n".join(json.dumps(feed.contract.make(n)) for n in numbers)


def pages(client, feed, **query):
    """All messages of a question, page by page."""
    found, cursor = [], {}
    while True:
        answer = client.messages(feed, **query, **cursor)
        assert answer.status == 200, answer
        found += answer.json["messages"]
        if answer.json["next"] is None:
            return found
        assert len(answer.json["messages"]) == int(query["limit"])
        cursor = {"cursor": answer.json["next"]}


def test_pages_have_everything_once(make_gateway):
    gateway = make_gateway()
    us, nl = gateway.feeds
    gateway.start()
    client, other = gateway.client(us), gateway.client(nl)
    ids = []
    for begin in range(0, 300, 100):
        # One commit each: many messages of the same moment.
        answer = client.post(us, lines(us, range(begin, begin + 100)),
                             "application/x-ndjson")
        assert answer.status == 202, answer
        ids += [r["id"] for r in answer.json["receipts"]]
    us.sent = 300
    for limit in (7, 100, 299, 300, 1000):
        found = pages(client, us, limit=limit)
        assert sorted(m["id"] for m in found) == sorted(ids)
        times = [m["recorded_at"] for m in found]
        assert times == sorted(times)
    # Nothing in another period, nor for another tenant.
    now = int(time.time() * 1000)
    assert pages(client, us, limit=10, since=now + 60000) == []
    assert pages(client, us, limit=10, until="2020-01-01T00:00:00Z") == []
    assert pages(other, nl, limit=10) == []
    # A cursor goes on with its own question only.
    cursor = client.messages(us, limit=7).json["next"]
    for query in ({"key": "x"}, {"since": "0"}, {"cursor": cursor + "A"}):
        query = dict({"cursor": cursor}, **query)
        assert client.messages(us, **query).status == 400
    assert other.messages(nl, cursor=cursor).status == 400


def test_one_message_by_all_that_is_known_of_it(make_gateway):
    gateway = make_gateway()
    us, _ = gateway.feeds
    producer = gateway.producer()
    us.send(producer, 40)
    producer.flush()
    gateway.start()
    gateway.wait_quiet()
    client = gateway.client(us)
    topic, partition, offset = producer.ledger[17]
    (by_source,) = client.messages(us, source="%s/%d/%d" % (
        topic, partition, offset)).json["messages"]
    assert by_source["source_topic"] == us.input
    (by_id,) = client.messages(us, id=by_source["id"]).json["messages"]
    assert by_id == by_source
    (delivery,) = client.receipt(by_id["id"]).json["deliveries"]
    (by_delivery,) = client.messages(us, delivery="main/%s/%d/%d" % (
        delivery["topic"], delivery["partition"],
        delivery["offset"])).json["messages"]
    assert by_delivery == by_source
    by_key = pages(client, us, limit=1, since="0",
                   key=us.contract.message(17)[0])
    assert by_source["id"] in [m["id"] for m in by_key]
    times = [m["recorded_at"] for m in by_key]
    assert times == sorted(times, reverse=True)
    for query in ({"id": "x"}, {"source": "a/b"}, {"delivery": "a/b/1/2/3"},
                  {"id": "0-1-1", "key": "a"}, {"id": "0-1-1", "limit": "1"},
                  {"since": "soon"}, {"limit": "0"}, {"limit": "1001"},
                  {"since": "99999999999999999"}, {"key_base64": "!"},
                  {"source": "t/0/99999999999999999999"}):
        answer = client.messages(us, **query)
        assert answer.status == 400, (query, answer)
