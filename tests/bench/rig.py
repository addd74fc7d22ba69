# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The servers of the benchmark, and what they and the daemon use."""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
sys.dont_write_bytecode = True

from harness import topics  # noqa: E402
from harness.feeds import FeedUnderTest  # noqa: E402
from harness.gateway import Gateway, build_dir  # noqa: E402
from harness.kafka import Kafka  # noqa: E402
from harness.postgres import Postgres  # noqa: E402
from harness.process import children_of  # noqa: E402

PARTITIONS = 8
INPUT = "bench.in"
os.environ.setdefault("WAYBILL_SQL_DIR", os.path.join(HERE, "../../sql"))
TICKS = os.sysconf("SC_CLK_TCK")

# A server with room, as an administrator would set it; durability untouched.
POSTGRES = {
    "shared_buffers": "512MB", "max_wal_size": "16GB", "wal_buffers": "64MB",
    "checkpoint_timeout": "30min", "track_commit_timestamp": "off",
}
# Deleted topics leave the disk at once; nothing else differs from the tests'.
KAFKA = {"log.segment.delete.delay.ms": "1000"}


class Schema:
    """What the harness wants to know of a contract: the schema."""

    def __init__(self):
        with open(os.path.join(HERE, "item_location.avsc")) as f:
            self.schema = json.load(f)


class Feed(FeedUnderTest):
    """Reads the input that all rounds share, writes topics of its own."""

    def __init__(self, stem):
        super().__init__("us", stem, Schema(), "item-location", PARTITIONS,
                         PARTITIONS)
        self.input = INPUT


class Deployment(Gateway):
    """The gateway under measurement, with a database of its own."""

    def create_topics(self, feed, only=("output", "dead")):
        for name, count in ((feed.output, feed.partitions),
                            (feed.dead, feed.dead_partitions)):
            topics.create(self.kafkas["main"].bootstrap, [name], count)

    def remove(self):
        self.tear_down()
        bootstrap = self.kafkas["main"].bootstrap
        for feed in self.feeds:
            topics.delete(bootstrap, [feed.output, feed.dead])
        self.postgres.query('DROP DATABASE "%s" WITH (FORCE)' % self.database)


class Rig:
    """One Postgres, one Kafka broker, a folder; on one machine."""

    def __init__(self, options):
        self.options = options
        self.folder = tempfile.mkdtemp(prefix="wbbench.")
        settings = dict(POSTGRES, **dict(options.postgres))
        self.postgres = Postgres(settings=settings)
        self.kafka = Kafka(heap="1g", settings=KAFKA)
        self.used = 0

    def __enter__(self):
        try:
            self.postgres.start()
            self.kafka.start()
            topics.create(self.kafka.bootstrap, [INPUT], PARTITIONS)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.kafka.remove()
        self.postgres.remove()
        if not self.options.keep:
            subprocess.run(["rm", "-rf", self.folder], check=False)

    def tool(self, name, *arguments, text=True):
        """Runs a program of tests/bench; what it prints."""
        return subprocess.run(
            [os.path.join(build_dir(), "tests", "bench", name),
             *[str(a) for a in arguments]],
            check=True, stdout=subprocess.PIPE, text=text).stdout

    def flood(self, count):
        """Adds messages to the input; {messages, bytes, failed}."""
        told = json.loads(self.tool("bench_flood", self.kafka.bootstrap,
                                    INPUT, PARTITIONS, count))
        assert told["failed"] == 0, told
        return told

    def mirror(self, kind, seconds):
        """One of the yardsticks, to a topic that is deleted afterwards."""
        self.used += 1
        topic = "bench.mirror%d" % self.used
        topics.create(self.kafka.bootstrap, [topic], PARTITIONS)
        before = self.broker_cpu()
        told = json.loads(self.tool(
            "bench_mirror", kind, self.kafka.bootstrap, INPUT, topic,
            PARTITIONS, seconds))
        told["broker_us"] = (self.broker_cpu() - before) * 1e6 / \
            told["messages"]
        topics.delete(self.kafka.bootstrap, [topic])
        assert told["failed"] == 0, told
        return told

    def deploy(self):
        self.used += 1
        stem = "bench%d" % self.used
        folder = os.path.join(self.folder, stem)
        os.mkdir(folder)
        return Deployment(self.postgres, {"main": self.kafka}, folder,
                          [Feed(stem)], stem,
                          lanes=self.options.lanes).set_up()

    # -- CPU, in seconds so far ----------------------------------------------

    def broker_cpu(self):
        """Without what its compiler takes, which ends some day."""
        return sum(cpu_of(n.process.pid) for n in self.kafka.nodes) - \
            self.compiler_cpu()

    def compiler_cpu(self):
        return sum(cpu_of(n.process.pid, thread)
                   for n in self.kafka.nodes
                   for thread in threads_of(n.process.pid, "Compiler"))

    def postgres_cpu(self):
        """The postmaster, its children, and those that have ended."""
        pid = self.postgres.process.pid
        return cpu_of(pid, ended=True) + sum(map(cpu_of, children_of(pid)))


def threads_of(pid, name):
    """The threads of a process whose name has NAME in it."""
    for thread in os.listdir("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/comm" % (pid, thread)) as f:
                if name in f.read():
                    yield int(thread)
        except OSError:
            continue


def cpu_of(pid, thread=None, ended=False):
    """ended: with the children that have ended."""
    path = "/proc/%d/stat" % pid
    if thread:
        path = "/proc/%d/task/%d/stat" % (pid, thread)
    try:
        with open(path) as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15 if ended else 13])) / TICKS
