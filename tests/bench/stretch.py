# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The measured stretches: each returns {messages, seconds, rate, own_us,
broker_us, postgres_us, ...}, from the first message to the last."""

import re
import subprocess
import time

import psycopg2

from rig import PARTITIONS, cpu_of
from harness import consumer, topics  # noqa: F401 (rig sets the path)
from harness.process import ProcessError

LOOK_S = 0.05
PATIENCE_S = 60          # without any progress
COPY_ROWS = 20000        # a transaction, as the recorder's
PROFILE_S = 4
SETTLED = 0.1            # the share at either end that is not steady


class Watch:
    """Follows a counter of the daemon from its first move to its goal."""

    def __init__(self, rig, daemon, metric, goal):
        self.rig = rig
        self.daemon = daemon
        self.pattern = re.compile(
            r"^%s(?:\{[^}]*\})? ([0-9.e+]+)$" % metric, re.M)
        self.goal = goal
        self.points = [(0, 0)]
        self.perf = None

    def count(self):
        text = self.daemon.http("/metrics")[1]
        return int(sum(float(n) for n in self.pattern.findall(text)))

    def run(self):
        last = time.monotonic()
        while self.points[-1][1] < self.goal:
            if not self.daemon.is_running():
                raise ProcessError("the daemon ended\n" + self.daemon.tail())
            count, now = self.count(), time.monotonic()
            if count > self.points[-1][1] or len(self.points) == 1:
                self.points.append((now, count))
                last = now
            if self.rig.options.perf and not self.perf and \
                    count > self.goal * SETTLED:
                self.perf = _profile(self.rig.options.perf, self.daemon)
            if now - last > PATIENCE_S:
                raise ProcessError("no progress at %d of %d messages\n%s" % (
                    count, self.goal, self.daemon.tail()))
            time.sleep(LOOK_S)
        if self.perf:
            self.perf.wait()
        return self

    def seconds(self):
        """From the last look that saw nothing to the one that saw all."""
        first = max((t for t, n in self.points[1:] if n == 0),
                    default=self.points[1][0])
        return self.points[-1][0] - first

    def steady_rate(self):
        """Of the middle part: neither the start nor the end."""
        low, high = self.goal * SETTLED, self.goal * (1 - SETTLED)
        middle = [p for p in self.points if low <= p[1] <= high]
        if len(middle) < 2 or middle[-1][0] == middle[0][0]:
            return self.goal / self.seconds()
        return (middle[-1][1] - middle[0][1]) / (middle[-1][0] - middle[0][0])


def _profile(path, daemon):
    """perf, by thread and call, for a while; it sees only threads that are
    there already."""
    return subprocess.Popen(
        ["perf", "record", "-q", "-F", "499", "-g", "-o", path, "-p",
         str(daemon.pid), "sleep", str(PROFILE_S)])


def nested(keys):
    """a.b=c as the daemon's file has it."""
    found = {}
    for key, value in keys:
        *outer, last = key.split(".")
        place = found
        for name in outer:
            place = place.setdefault(name, {})
        place[last] = value
    return found


def total(daemon, metric):
    """A counter of the daemon, over all its labels."""
    found = re.findall(r"^%s(?:\{[^}]*\})? ([0-9.e+]+)$" % metric,
                       daemon.http("/metrics")[1], re.M)
    return int(sum(map(float, found)))


def _follow(rig, deployment, metric, goal):
    """Starts the daemon, watches it reach the goal, stops it."""
    settings = nested(rig.options.daemon)
    rig.postgres.query("CHECKPOINT")
    broker, postgres = rig.broker_cpu(), rig.postgres_cpu()
    daemon = deployment.start("d%d" % (len(deployment.daemons) + 1),
                              ready=False, settings=settings)
    watch = Watch(rig, daemon, metric, goal).run()
    own = cpu_of(daemon.pid)
    used = (own, rig.broker_cpu() - broker, rig.postgres_cpu() - postgres)
    deployment.stop()
    own_us, broker_us, postgres_us = (u * 1e6 / goal for u in used)
    return {"messages": goal, "seconds": watch.seconds(),
            "rate": watch.steady_rate(),
            "rate_with_ends": goal / watch.seconds(), "own_us": own_us,
            "broker_us": broker_us, "postgres_us": postgres_us}


# -- the road ----------------------------------------------------------------

def end_to_end(rig, count):
    deployment = rig.deploy()
    try:
        found = _follow(rig, deployment, "waybill_forwarded_messages_total",
                        count)
        _check_journal(deployment, count)
        _check_output(rig, deployment, count)
        found.update(_disk(deployment, count))
        return found
    finally:
        deployment.remove()


def recorder_and_forwarder(rig, count):
    """First without an output cluster, then with nothing but the journal."""
    deployment = rig.deploy()
    try:
        deployment.sql("UPDATE cluster SET is_output = false; "
                       "DELETE FROM feed_output")
        recorder = _follow(rig, deployment,
                           "waybill_recorded_messages_total", count)
        _check_journal(deployment, count)
        recorder.update(_disk(deployment, count))
        deployment.apply()
        forwarder = _follow(rig, deployment,
                            "waybill_forwarded_messages_total", count)
        _check_output(rig, deployment, count)
        return recorder, forwarder
    finally:
        deployment.remove()


def _check_journal(deployment, count):
    blocks, messages, accepted, lanes = deployment.sql(
        "SELECT (SELECT count(*) FROM block), (SELECT sum(count) FROM block), "
        "(SELECT coalesce(sum(count), 0) FROM block "
        "WHERE verdicts = ARRAY[0::int2]), "
        "(SELECT sum(next_seq - 1) FROM lane)")[0]
    assert (messages, accepted, lanes) == (count, count, count), \
        "%d messages in %d blocks, %d accepted, %d counted, %d sent" % (
            messages, blocks, accepted, lanes, count)


def _check_output(rig, deployment, count):
    """Deliveries name each message, and the topic ends where they say."""
    behind = deployment.behind("main")
    told = deployment.sql("SELECT coalesce(sum(offset_last - offset_first "
                          "+ 1), 0) FROM delivery_range")[0][0]
    rows = deployment.sql("SELECT coalesce(sum(count), 0) FROM delivery "
                          "WHERE kind = 0")[0][0]
    dead = deployment.sql("SELECT count(*) FROM delivery WHERE kind = 1")[0][0]
    assert (behind, rows, dead) == (0, count, 0), \
        "%d blocks behind, %d of %d delivered, %d dead letters" % (
            behind, rows, count, dead)
    # Between the ranges lie the markers of transactions, never a message.
    assert told >= count, "%d offsets for %d messages" % (told, count)


def _disk(deployment, count):
    """What the database has grown by, and the journal's blocks in it."""
    blocks = deployment.sql(
        "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits "
        "WHERE inhparent = 'block'::regclass")[0][0]
    total = deployment.sql("SELECT pg_database_size(current_database())")[0][0]
    per_block, commits = deployment.sql(
        "SELECT (SELECT avg(count) FROM block), "
        "(SELECT count(*) FROM lane_commit)")[0]
    return {"block_bytes": float(blocks) / count,
            "database_bytes": float(total) / count,
            "messages_a_block": float(per_block),
            "messages_a_commit": count / commits}


# -- the recorder's baseline ---------------------------------------------------

class _Again:
    """The same rows once more: a file for copy_expert."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def read(self, size):
        part = self.data[self.at:self.at + size]
        self.at += len(part)
        return part


def copy(rig, seconds):
    """COPY of the same messages into a plain table, a row each."""
    rows = rig.tool("bench_flood", "--copy", PARTITIONS, COPY_ROWS,
                    text=False)
    name = rig.postgres.new_database("copy")
    rig.postgres.query("CREATE TABLE plain (partition int4, key bytea, "
                       "body bytea)", database=name)
    rig.postgres.query("CHECKPOINT")
    connection = psycopg2.connect(rig.postgres.dsn(name))
    own, before = time.process_time(), rig.postgres_cpu()
    begun, count = time.monotonic(), 0
    try:
        with connection.cursor() as cursor:
            while time.monotonic() - begun < seconds:
                cursor.copy_expert("COPY plain FROM STDIN (FORMAT binary)",
                                   _Again(rows), size=1 << 18)
                connection.commit()
                count += COPY_ROWS
    finally:
        connection.close()
    took = time.monotonic() - begun
    own, used = time.process_time() - own, rig.postgres_cpu() - before
    found = rig.postgres.query("SELECT count(*), pg_total_relation_size("
                               "'plain') FROM plain", database=name)[0]
    assert found[0] == count, "%d of %d rows" % (found[0], count)
    rig.postgres.query('DROP DATABASE "%s"' % name)
    return {"messages": count, "seconds": took, "rate": count / took,
            "own_us": own * 1e6 / count,
            "postgres_us": used * 1e6 / count,
            "row_bytes": float(found[1]) / count}
