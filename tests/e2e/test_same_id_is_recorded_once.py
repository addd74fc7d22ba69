# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""What a producer sends again with the same Idempotency-Key is recorded once:
from two clients at once, after a kill -9 and a restart, after a takeover by
another daemon, at each point where a daemon may die."""

import http.client
import threading
import time

import pytest

from harness.process import wait_until
from harness.rest import Client

LEASE = {"lease": "1500ms"}


class Sender:
    """A producer that sends until somebody knows what became of it."""

    def __init__(self, gateway, feed):
        self.gateway = gateway
        self.feed = feed
        self.token = gateway.key(feed.tenant)

    def __call__(self, n, id, daemon=None, other=False):
        body = self.feed.contract.message(n)[1]
        if other:
            body = self.feed.contract.encode(
                dict(self.feed.contract.make(n), price=2.5))
        port = (daemon or self.gateway.daemons[-1]).rest_port
        until = time.monotonic() + 60
        while time.monotonic() < until:
            client = Client(port, self.token)
            try:
                answer = client.post(self.feed, body, "avro/binary", id=id)
                if answer.status not in (401, 503):
                    return answer
            except (OSError, http.client.HTTPException):
                pass
            finally:
                client.close()
            time.sleep(0.1)
        raise AssertionError("nobody answered\n" + self.gateway.logs())


def verdicts(gateway):
    return dict(gateway.sql("SELECT verdict, count(*) FROM message "
                            "GROUP BY verdict"))


def test_two_clients_at_once(make_gateway):
    gateway = make_gateway()
    us, _ = gateway.feeds
    gateway.start()
    clients = [gateway.client(us) for _ in range(8)]
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
    for n in range(20):
        receipts = [a.receipt for m, a in answers if m == n]
        (first,) = [r["id"] for r in receipts if r["verdict"] == "accepted"]
        assert [r["of"] for r in receipts if r["verdict"] == "duplicate"] == \
            [first] * 7
    assert {a.status for _, a in answers} == {202}
    assert verdicts(gateway) == {"accepted": 20, "duplicate": 140}
    us.sent = 160
    gateway.wait_quiet()
    assert len(gateway.output(us)) == 20
    gateway.check()


def test_other_content_is_a_conflict(make_gateway):
    gateway = make_gateway()
    us, _ = gateway.feeds
    gateway.start()
    send = Sender(gateway, us)
    first = send(1, "K").receipt["id"]
    answer = send(1, "K", other=True)
    assert answer.status == 409, answer
    assert answer.receipt["of"] == first
    # The same id of another tenant is another id.
    nl = gateway.feeds[1]
    assert Sender(gateway, nl)(1, "K").status == 202
    us.sent, nl.sent = 2, 1
    gateway.wait_quiet()
    (dead,) = gateway.dead_letters(us)
    assert dict(dead.headers)["waybill-conflict"] == first.encode()
    gateway.check()


def test_a_rejected_one_is_answered_so_again(make_gateway):
    gateway = make_gateway()
    us, _ = gateway.feeds
    gateway.start()
    client = gateway.client(us)
    body = us.contract.message(1)[1]
    first = client.post(us, body[:-1], "avro/binary", id="K", key="k")
    again = client.post(us, body[:-1], "avro/binary", id="K", key="k")
    assert [a.status for a in (first, again)] == [422, 422]
    assert again.receipt["of"] == first.receipt["id"]
    assert again.receipt["violations"] == first.receipt["violations"]
    # Mended, it is no conflict.
    assert client.post(us, body, "avro/binary", id="K").status == 202
    us.sent = 3
    gateway.wait_quiet()
    assert len(gateway.dead_letters(us)) == 1
    gateway.check()


@pytest.mark.within(180)
def test_after_kill_and_restart(make_gateway):
    gateway = make_gateway()
    us, _ = gateway.feeds
    daemon = gateway.start(settings=LEASE)
    send = Sender(gateway, us)
    ids = {}
    for n in range(30):
        ids[n] = send(n, "id-%d" % n).receipt["id"]
    daemon.kill()
    gateway.daemons.remove(daemon)
    gateway.start(settings=LEASE)
    for n in range(30):
        receipt = send(n, "id-%d" % n).receipt
        assert (receipt["verdict"], receipt["of"]) == ("duplicate", ids[n])
    us.sent = 60
    gateway.wait_quiet()
    assert verdicts(gateway) == {"accepted": 30, "duplicate": 30}
    gateway.check()


@pytest.mark.within(180)
def test_after_takeover(make_gateway):
    gateway = make_gateway(lanes=2)
    us, _ = gateway.feeds
    first = gateway.start("d1", settings=LEASE)
    send = Sender(gateway, us)
    ids = {}
    for n in range(30):
        ids[n] = send(n, "id-%d" % n).receipt["id"]
    second = gateway.start("d2", settings=LEASE, ready=False)
    first.kill()
    gateway.daemons.remove(first)
    for n in range(30):
        receipt = send(n, "id-%d" % n, second).receipt
        assert (receipt["verdict"], receipt["of"]) == ("duplicate", ids[n])
    us.sent = 60
    gateway.wait_quiet()
    gateway.check()


@pytest.mark.within(180)
@pytest.mark.parametrize("point", [
    "GATHERED", "VALIDATED", "RECORD_SENT", "RECORD_COMMIT_SENT", "RECORDED",
    "ANSWERED"])
def test_a_daemon_dies_under_it(make_gateway, point):
    gateway = make_gateway(lanes=1)
    us, _ = gateway.feeds
    daemon = gateway.start(settings=LEASE, crash=(point, 5))
    send = Sender(gateway, us)
    for n in range(4):
        assert send(n, "id-%d" % n).status == 202
    client = gateway.client(us)
    with pytest.raises((OSError, http.client.HTTPException)):
        for n in range(4, 10):
            client.post(us, us.contract.message(n)[1], "avro/binary",
                        id="id-%d" % n)
    wait_until(daemon.has_crashed, 10, "the daemon to die at " + point)
    gateway.daemons.remove(daemon)
    gateway.start(settings=LEASE)
    for n in range(10):
        answer = send(n, "id-%d" % n)
        assert answer.status == 202, answer
        assert n >= 4 or answer.receipt["verdict"] == "duplicate"
    us.sent = gateway.recorded()
    gateway.wait_quiet()
    assert verdicts(gateway)["accepted"] == 10
    assert len(gateway.output(us)) == 10
    gateway.check()
