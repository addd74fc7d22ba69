# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A producer may send to any daemon: what belongs to a lane of another one is
passed on to it, recorded once, and answered as if it were here; also where that
one is killed meanwhile."""

import http.client
import struct
import threading
import time

import pytest

from harness.process import wait_until
from harness.rest import Client

LEASE = {"lease": "1500ms"}


def start_two(gateway):
    """Two daemons, each with a lane."""
    daemons = [gateway.start("d1", settings=LEASE),
               gateway.start("d2", settings=LEASE, ready=False)]
    wait_until(lambda: all(d.is_ready() for d in daemons) and
               len({o for (o,) in gateway.sql(
                   "SELECT owner FROM lane WHERE owner IS NOT NULL")}) == 2,
               60, "each daemon to have a lane", 0.2)
    time.sleep(1)  # a heartbeat: each knows where the other is
    return daemons


def test_either_daemon_gives_receipts(make_gateway):
    gateway = make_gateway(lanes=2)
    us, _ = gateway.feeds
    token = gateway.key(us.tenant)
    lanes = []
    for daemon in start_two(gateway):
        client = gateway.client(us, daemon, token)
        seen = set()
        for n in range(20):
            body = us.contract.message(n)[1]
            answer = client.post(us, body, "avro/binary")
            assert answer.status == 202, answer
            assert answer.receipt["verdict"] == "accepted"
            seen.add(answer.receipt["id"].split("-")[0])
        lanes.append(seen)
        # Many in one request, for both lanes; one is rejected.
        bodies = [us.contract.message(n)[1] for n in range(50)]
        bodies[17] = bodies[17][:-1]
        packed = b"".join(struct.pack(">I", len(b)) + b for b in bodies)
        answer = client.post(us, packed,
                             "application/vnd.waybill.messages+avro")
        assert answer.status == 207, answer
        receipts = answer.json["receipts"]
        assert len({r["id"] for r in receipts}) == 50
        assert [r["verdict"] for r in receipts].count("accepted") == 49
        assert receipts[17]["violations"]
        # JSON that cannot be read is kept as it came, wherever its lane is.
        answers = [client.post(us, b'{"n": %d, "n": 1}' % n)
                   for n in range(10)]
        assert {a.status for a in answers} == {422}
        assert all(a.receipt["violations"] for a in answers)
        # Whoever wants to wait for Kafka is told at least what is certain.
        for n in range(6):
            answer = client.post(us, us.contract.message(n)[1], "avro/binary",
                                 wait="forwarded")
            assert answer.status in (200, 202), answer
    assert lanes == [{"0", "1"}, {"0", "1"}]
    us.sent = 2 * (20 + 50 + 10 + 6)
    gateway.wait_quiet()
    gateway.check()


def test_same_id_at_both_at_once(make_gateway):
    gateway = make_gateway(lanes=2)
    us, _ = gateway.feeds
    token = gateway.key(us.tenant)
    clients = [gateway.client(us, d, token) for d in start_two(gateway) * 3]
    answers = []

    def send(client, n):
        body = us.contract.message(n)[1]
        answers.append((n, client.post(us, body, "avro/binary",
                                       id="id-%d" % n)))

    for n in range(20):
        together = [threading.Thread(target=send, args=(c, n))
                    for c in clients]
        for thread in together:
            thread.start()
        for thread in together:
            thread.join()
    assert {a.status for _, a in answers} == {202}
    for n in range(20):
        receipts = [a.receipt for m, a in answers if m == n]
        (first,) = [r["id"] for r in receipts if r["verdict"] == "accepted"]
        assert [r["of"] for r in receipts if r["verdict"] == "duplicate"] == \
            [first] * 5
    us.sent = 20 * 6
    gateway.wait_quiet()
    assert len(gateway.output(us)) == 20
    gateway.check()


@pytest.mark.within(240)
def test_owner_is_killed_under_load(make_gateway):
    gateway = make_gateway(lanes=2)
    us, _ = gateway.feeds
    token = gateway.key(us.tenant)
    first, second = start_two(gateway)
    gateway.client(us, first, token).close()
    told, not_known = {}, []
    stopping = threading.Event()

    def produce(number):
        """Sends each until somebody knows what became of it."""
        n = number
        while not stopping.is_set():
            client = Client(first.rest_port, token)
            try:
                answer = client.post(us, us.contract.message(n)[1],
                                     "avro/binary", id="id-%d" % n)
                if answer.status == 202:
                    told[n] = answer.receipt
                    n += 4
                    continue
                assert answer.status == 503, answer
                not_known.append(n)
            except (OSError, http.client.HTTPException):
                pass
            finally:
                client.close()
            time.sleep(0.05)

    threads = [threading.Thread(target=produce, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(3)
    before = len(told)
    second.kill()
    wait_until(lambda: gateway.sql(
        "SELECT count(*) FROM lane WHERE owner LIKE 'd1-%'")[0][0] == 2,
        60, "the first daemon to have both lanes", 0.2)
    more = len(told)
    wait_until(lambda: len(told) > more + 40, 60, "more to be taken", 0.2)
    stopping.set()
    for thread in threads:
        thread.join()
    assert before > 20 and not_known
    for n, receipt in told.items():
        id = receipt["of"] if receipt["verdict"] == "duplicate" \
            else receipt["id"]
        (row,) = gateway.sql("SELECT key, verdict FROM message_by_id(%s)",
                             (id,))
        assert (bytes(row[0]), row[1]) == (us.contract.message(n)[0],
                                           "accepted")
    gateway.wait_quiet()
    ids = gateway.sql("SELECT count(*) FROM message WHERE "
                      "verdict = 'accepted'")[0][0]
    # One that was under way at the end may be there untold.
    assert len(told) <= ids <= len(told) + 4
    assert len(gateway.output(us)) == ids
    gateway.check()


def test_nobody_else_gets_an_answer(make_gateway):
    gateway = make_gateway(lanes=1)
    daemon = gateway.start()
    us, _ = gateway.feeds
    token = gateway.key(us.tenant)
    nothing = Client(daemon.port).request("POST", "/v1/nothing", b"x")
    assert nothing.status == 404
    for shown in (None, "Bearer " + token, "Waybill-Daemon",
                  "Waybill-Daemon " + "0" * 64):
        fields = {} if shown is None else {"Authorization": shown}
        answer = Client(daemon.port).request(
            "POST", "/v1/lanes/0/parts", b"x", fields)
        assert (answer.status, answer.body) == (404, nothing.body)
    ((secret,),) = gateway.sql("SELECT encode(secret, 'hex') FROM "
                               "daemon_secret")
    fields = {"Authorization": "Waybill-Daemon " + secret}
    for body in (b"x", b"", b"WBP1" + b"\xff" * 100, b"WBP1" + bytes(100)):
        answer = Client(daemon.port).request("POST", "/v1/lanes/0/parts",
                                             body, fields)
        assert answer.status == 400, answer
    answer = Client(daemon.port).request("POST", "/v1/lanes/99/parts", b"x",
                                         fields)
    assert answer.status == 404
