# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Every status from a real situation, as a problem with a type of its own; and
no answer tells whether what belongs to another tenant exists."""

import json

import pytest

from harness.feeds import FeedUnderTest
from harness.process import wait_until

PROBLEM = "application/problem+json"
MANY = "application/vnd.waybill.messages+avro"


def assert_problem(answer, status, slug):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == PROBLEM
    assert answer.json["type"] == "/docs/problems/" + slug
    assert answer.json["status"] == status
    return answer


def looks(answer):
    """All that a client can see of an answer, but for the time of day."""
    headers = sorted((k, v) for k, v in answer.headers.items()
                     if k.lower() != "date")
    return answer.status, headers, answer.body


@pytest.fixture
def running(make_gateway, stem):
    us = FeedUnderTest("us", stem)
    nl = FeedUnderTest("nl", stem)
    us.settings["message-bytes-max"] = 2000
    other = FeedUnderTest("us", stem, feed="other")
    gateway = make_gateway([us, nl, other])
    gateway.start()
    return gateway


def test_no_key_is_one_answer(running):
    us = running.feeds[0]
    client = running.client(us)
    revoked = running.key("us")
    prefix = revoked.split("_")[1]
    running.waybill("key", "revoke", prefix)
    expired = client.key[:-1] + ("A" if client.key[-1] != "A" else "B")
    seen = set()
    for token in (None, "", "wb_", "x", expired, revoked):
        client.key = token
        wait_until(lambda: client.receipt("0-1-1").status == 401, 10,
                   "the key to be refused")
        answer = client.post(us, us.contract.make(1))
        assert_problem(answer, 401, "unauthorized")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        seen.add(str(looks(answer)))
        client.close()
    assert len(seen) == 1


def test_what_is_not_for_the_key_looks_as_if_it_did_not_exist(running):
    us, nl, _ = running.feeds
    client = running.client(us)
    narrow = running.client(us, key=running.key("us", "publish:other"))
    gone = FeedUnderTest("us", "x", us.contract, feed="nothing")
    nowhere = FeedUnderTest("xx", "x", us.contract)
    value = us.contract.make(1)
    for ask in (lambda c, f: c.post(f, value),
                lambda c, f: c.messages(f)):
        seen = {str(looks(assert_problem(ask(client, feed), 404,
                                         "not-found")))
                for feed in (nl, gone, nowhere)}
        assert len(seen) == 1
    assert_problem(narrow.post(us, value), 404, "not-found")
    assert running.recorded() == 0


def test_a_scope_that_is_missing_is_403(running):
    us = running.feeds[0]
    reader = running.client(us, key=running.key("us", "read"))
    writer = running.client(us, key=running.key("us", "publish"))
    assert_problem(reader.post(us, us.contract.make(1)), 403, "forbidden")
    assert_problem(writer.messages(us), 403, "forbidden")
    assert_problem(writer.request("GET", "/v1/status"), 403, "forbidden")


def test_malformed_requests_record_nothing(running):
    us = running.feeds[0]
    client = running.client(us)
    value = us.contract.make(1)
    for query in ({"wiat": "recorded"}, {"wait": "soon"}, {"first": "1"},
                  {"file": "x"}, {"partition": "1"}):
        assert_problem(client.post(us, value, **query), 400, "bad-request")
    for headers in ({"Waybill-Time": "yesterday"},
                    {"Waybill-Headers": "[]"},
                    {"Waybill-Headers": '{"a":"b","a":"c"}'},
                    {"Waybill-Key-Base64": "!"},
                    {"Idempotency-Key": ""}):
        assert_problem(client.post(us, value, headers=headers), 400,
                       "bad-request")
    for media, body in (
            ("application/x-ndjson", b"\n \n"),
            (MANY, b"\0\0\0\5abc"),
            ("application/vnd.waybill.frames", b"\0\0\0\1a"),
            ("application/vnd.waybill.envelope+json", b'{"key":"a"}'),
            ("application/vnd.waybill.envelope+x-ndjson", b'{"value":1}\n{'),
            ("application/avro", b"Obj\1 and no more")):
        answer = client.post(us, body, media)
        assert_problem(answer, 400, "bad-request")
        assert answer.json["detail"], media
    answer = client.post(us, value, "text/plain")
    assert_problem(answer, 415, "unsupported-media-type")
    assert "application/x-ndjson" in answer.headers["Accept-Post"]
    assert_problem(client.post(us, value, headers={"Accept": "text/html"}),
                   406, "not-acceptable")
    answer = client.request("DELETE", client.path_of("us", "sales"))
    assert_problem(answer, 405, "method-not-allowed")
    assert running.recorded() == 0


def test_what_is_too_large_is_refused_at_the_door(running):
    us = running.feeds[0]
    client = running.client(us)
    big = dict(us.contract.make(1), item="x" * 2000)
    answer = client.post(us, big)
    assert_problem(answer, 413, "content-too-large")
    assert "takes 2000" in answer.json["detail"]
    lines = b'{"store":1}\n' * 10001
    assert_problem(client.post(us, lines, "application/x-ndjson"), 413,
                   "content-too-large")
    # By its length alone, before a byte of it is there.
    answer = client.request("POST", client.path_of("us", "sales"), None, {
        "Content-Type": "application/json", "Content-Length": "100000000",
        "Expect": "100-continue"})
    assert_problem(answer, 413, "content-too-large")
    client.close()
    assert running.recorded() == 0


def test_rejected_is_422_with_the_reasons(running):
    us = running.feeds[0]
    client = running.client(us)
    value = us.contract.make(1)
    del value["units"]
    answer = assert_problem(client.post(us, value), 422, "message-rejected")
    assert answer.receipt["verdict"] == "rejected"
    assert answer.receipt["violations"]
    # The original is kept as it came.
    ((body,),) = running.sql("SELECT body FROM message_by_id(%s)",
                             (answer.receipt["id"],))
    assert json.loads(bytes(body)) == value
    found = client.receipt(answer.receipt["id"])
    assert [v["rule"] for v in found.json["violations"]] == [
        v["rule"] for v in answer.receipt["violations"]]


def test_postgres_away_is_503_and_nothing_is_lost(make_gateway, own_postgres):
    gateway = make_gateway(postgres=own_postgres)
    us, _ = gateway.feeds
    gateway.start()
    client = gateway.client(us)
    assert client.post(us, us.contract.make(1), id="a").status == 202
    own_postgres.pause()
    try:
        answer = client.post(us, us.contract.make(2), id="b")
        assert answer.status == 503, answer
        assert answer.json["type"].rsplit("/", 1)[1] in (
            "unavailable", "outcome-unknown")
        assert int(answer.headers["Retry-After"]) > 0
    finally:
        own_postgres.resume()

    def answered():
        return client.post(us, us.contract.make(2), id="b").status == 202
    wait_until(answered, 60, "the message to be recorded", 0.5)
    counts = gateway.sql("SELECT verdict, count(*) FROM message "
                         "GROUP BY 1 ORDER BY 1")
    assert dict(counts)["accepted"] == 2
