# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""What a producer was told by HTTP stays true whatever is killed with -9, and
whenever: daemon, Postgres, broker. What is acknowledged is in the journal and
has left, once; the ids of receipts are those of the messages; a duplicate
names the message that counts; `unavailable` means that nothing was recorded;
each producer's messages leave in the order in which it sent them."""

import collections
import time

import pytest

from harness.chance import chance
from harness.process import wait_until
from harness.restload import Publisher

LEASE = {"lease": "1500ms"}
PUBLISHERS = 5
ACCEPTED, REJECTED, DUPLICATE = 0, 1, 2

# Where an answer is near: before COMMIT, around it, before the answer is given,
# and around the commit of the Kafka transaction that `wait=forwarded` awaits.
POINTS = ("GATHERED", "VALIDATED", "RECORD_SENT", "RECORD_COMMIT_SENT",
          "RECORDED", "ANSWERED", "FORWARD_COMMIT_SENT", "FORWARD_COMMITTED",
          "DELIVERY_SENT", "DELIVERY_RECORDED")


class Load:
    """with Load(...): producers publish until the block ends."""

    def __init__(self, gateway, rng):
        self.gateway = gateway
        (self.feed,) = gateway.feeds
        token = gateway.key(self.feed.tenant)
        self.publishers = [
            Publisher(n, self.feed, token, self._ports, rng.getrandbits(32))
            for n in range(PUBLISHERS)]

    def _ports(self):
        return [d.rest_port for d in list(self.gateway.daemons)] or [1]

    def __enter__(self):
        for publisher in self.publishers:
            publisher.start()
        return self

    def __exit__(self, kind, *_):
        for publisher in self.publishers:
            publisher.ending.set()
        if kind is None:
            for publisher in self.publishers:
                publisher.end(60)
        answers = collections.Counter()
        for publisher in self.publishers:
            answers.update(publisher.answers)
        print("answers: %s; slowest %.1f s" % (
            dict(answers), max(p.slowest_s for p in self.publishers)))

    @property
    def sent(self):
        return [s for p in self.publishers for s in p.sent]

    # -- what must be true in the end ---------------------------------------

    def judge(self):
        self.feed.sent = self.gateway.recorded()
        self.gateway.wait_quiet(120)
        found = self.gateway.check()
        found.judge_told([tuple(map(int, r["id"].split("-")))
                          for s in self.sent for r in s.told])
        assert not found.findings, found.findings.examples
        counts = self._judge_journal()
        self._judge_topics(counts)

    def _rows(self):
        """dedup id -> {message id: (verdict, body)}"""
        rows = collections.defaultdict(dict)
        for lane, incarnation, seq, id, verdict, body in self.gateway.sql(
                "SELECT b.lane, b.incarnation, b.first_seq + u.n - 1, "
                "substr(u.id, 9), b.verdicts[least(u.n, "
                "cardinality(b.verdicts))], b.bodies[u.n] FROM block b, "
                "unnest(b.dedup_ids) WITH ORDINALITY AS u(id, n)"):
            rows[bytes(id).decode()]["%d-%d-%d" % (lane, incarnation, seq)] = \
                (verdict, bytes(body))
        return rows

    def _judge_journal(self):
        """Of each message the id that counts; each receipt against it."""
        rows, counts = self._rows(), {}
        names = ("accepted", "rejected", "duplicate")
        for sent in self.sent:
            found = rows.pop(sent.id, {})
            assert {b for _, b in found.values()} == {sent.body}, sent.id
            (first,) = [i for i, (v, _) in found.items() if v != DUPLICATE]
            assert found[first][0] == (REJECTED if sent.is_bad else ACCEPTED)
            counts[first] = sent
            # Each is a try: what was refused left nothing behind.
            tries = (len(sent.told), len(sent.told) + sent.in_doubt)
            assert tries[0] <= len(found) <= tries[1], (sent.id, found, tries)
            for receipt in sent.told:
                assert receipt["id"] in found, (sent.id, receipt, found)
                verdict = found[receipt["id"]][0]
                assert receipt["verdict"] == names[verdict], (sent.id, receipt)
                if verdict == DUPLICATE:
                    assert receipt["of"] == first, (sent.id, receipt, first)
            told = [r["id"] for r in sent.told]
            assert len(set(told)) == len(told), (sent.id, told)
        assert not rows, list(rows)[:5]
        return counts

    def _judge_topics(self, counts):
        def ids(messages):
            return [dict(m.headers)["waybill-id"].decode() for m in messages]

        output = self.gateway.output(self.feed)
        assert sorted(ids(output)) == sorted(
            i for i, s in counts.items() if not s.is_bad)
        assert sorted(ids(self.gateway.dead_letters(self.feed))) == sorted(
            i for i, s in counts.items() if s.is_bad)
        came = collections.defaultdict(list)
        for id, message in zip(ids(output), output):
            sent = counts[id]
            assert (message.key, message.value) == (sent.key, sent.body), id
            came[message.key].append(sent.value["units"])
        for key, numbers in came.items():
            assert numbers == sorted(numbers), key


def kill_daemon(gateway, rng):
    daemon = rng.choice(gateway.daemons)
    daemon.kill()
    gateway.daemons.remove(daemon)
    return daemon.name.split()[-1]


def kill_some(gateway, rng, until):
    """One or more at a time, in any order; they come back in any order too,
    but a daemon does not start without its Postgres."""
    kafka = gateway.kafkas["main"]
    while time.monotonic() < until:
        time.sleep(rng.uniform(0.5, 4))
        what = rng.sample(("daemon", "postgres", "kafka"),
                          rng.choice((1, 1, 1, 2, 3)))
        name = None
        for victim in what:
            time.sleep(rng.uniform(0, 0.3))
            if victim == "daemon":
                name = kill_daemon(gateway, rng)
            elif victim == "postgres":
                gateway.postgres.kill()
            else:
                kafka.kill()
        time.sleep(rng.uniform(0, 3))
        rng.shuffle(what)
        if "postgres" in what:
            gateway.postgres.start()
        for victim in what:
            if victim == "daemon":
                gateway.start(name, settings=LEASE, ready=False)
            elif victim == "kafka":
                kafka.start()


def run(make_gateway, postgres, kafka, seconds, daemons=1):
    rng = chance()
    gateway = make_gateway(("us",), postgres, {"main": kafka})
    for n in range(daemons):
        gateway.start("d%d" % (n + 1), settings=LEASE)
    with Load(gateway, rng) as load:
        kill_some(gateway, rng, time.monotonic() + seconds)
    load.judge()


@pytest.mark.long
@pytest.mark.within(300)
def test_all_are_killed_at_random(make_gateway, own_postgres, own_kafka):
    run(make_gateway, own_postgres, own_kafka, 40)


@pytest.mark.long
@pytest.mark.within(1800)
def test_all_are_killed_again_and_again(make_gateway, own_postgres, own_kafka):
    run(make_gateway, own_postgres, own_kafka, 900)


@pytest.mark.long
@pytest.mark.within(1800)
def test_one_of_two_daemons_takes_over(make_gateway, own_postgres, own_kafka):
    run(make_gateway, own_postgres, own_kafka, 600, daemons=2)


@pytest.mark.long
@pytest.mark.within(300)
def test_a_daemon_dies_near_each_answer(make_gateway):
    rng = chance()
    gateway = make_gateway(("us",))
    with Load(gateway, rng) as load:
        for point in POINTS:
            daemon = gateway.start(settings=LEASE, ready=False,
                                   crash=(point, rng.randint(1, 40)))
            wait_until(lambda: not daemon.is_running(), 40,
                       "the daemon to die at " + point)
            assert daemon.has_crashed(), daemon.tail()
            gateway.daemons.remove(daemon)
        gateway.start(settings=LEASE)
        time.sleep(1)
    load.judge()
