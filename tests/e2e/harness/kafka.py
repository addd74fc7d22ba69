# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A real Apache Kafka on loopback, out of its Maven artifacts.

Combined mode (each node is broker and controller), one node or three. The jars
lie in a cache outside the tree, verified against kafka-jars.sha256. Standard
library only, since `scripts/kafka` runs this file where nothing else is
installed.

    kafka fetch                        get and verify the jars
    kafka start DIR [--brokers N]      start; prints the bootstrap servers
    kafka stop DIR                     end what `start DIR` started
"""

import argparse
import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

if __package__:
    from . import ports
    from .process import Process, ProcessError
else:  # run as a program
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import ports
    from process import Process, ProcessError

VERSION = "4.1.1"
HERE = os.path.dirname(os.path.abspath(__file__))
POM = os.path.join(HERE, "kafka-pom.xml")
SUMS = os.path.join(HERE, "kafka-jars.sha256")
FETCH_TRIES = 3
START_TRIES = 5

LOG4J = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1} %m%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
"""

NODE = """\
process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor={replicas}
min.insync.replicas={min_isr}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={min_isr}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={min_isr}
share.coordinator.state.topic.num.partitions=2
unclean.leader.election.enable=false
group.initial.rebalance.delay.ms=0
transaction.max.timeout.ms=900000
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
broker.session.timeout.ms=6000
controlled.shutdown.enable={controlled}
num.network.threads=2
num.io.threads=4
log.retention.ms=-1
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.threads=1
"""


# -- the jars ---------------------------------------------------------------

def cache_dir():
    base = os.environ.get("WAYBILL_CACHE")
    if not base:
        home = os.environ.get("XDG_CACHE_HOME") or \
            os.path.join(os.path.expanduser("~"), ".cache")
        base = os.path.join(home, "waybill")
    return os.path.join(base, "kafka-" + VERSION)


def _expected():
    with open(SUMS) as f:
        return {name: digest for digest, name in
                (line.split() for line in f if line.strip())}


def _digest(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        for part in iter(lambda: f.read(1 << 20), b""):
            digest.update(part)
    return digest.hexdigest()


def wrong_jars(folder):
    """The names that are missing, changed or too many in FOLDER."""
    expected = _expected()
    here = set(os.listdir(folder)) if os.path.isdir(folder) else set()
    wrong = sorted(here - set(expected))
    for name, digest in sorted(expected.items()):
        if name not in here or _digest(os.path.join(folder, name)) != digest:
            wrong.append(name)
    return wrong


def is_fetched():
    return not wrong_jars(cache_dir())


def fetch(say=lambda line: None):
    """Makes the cache whole; returns its folder.

    Downloads go to a folder beside it, which is renamed when every sum is
    right: an interrupted download leaves nothing that is taken for whole.
    """
    target = cache_dir()
    if is_fetched():
        return target
    if not shutil.which("mvn"):
        raise ProcessError("mvn is not installed (apt-get install maven)")
    parent = os.path.dirname(target)
    os.makedirs(parent, exist_ok=True)
    say("fetching Apache Kafka %s (about 54 MB) to %s" % (VERSION, target))
    for attempt in range(FETCH_TRIES):
        work = tempfile.mkdtemp(prefix="kafka-%s.part." % VERSION, dir=parent)
        try:
            _download(work)
            libs = os.path.join(work, "libs")
            wrong = wrong_jars(libs)
            if not wrong:
                _replace(libs, target)
                return target
            _forget(wrong)
            error = "wrong after the download: " + ", ".join(wrong)
        except subprocess.CalledProcessError as e:
            error = e.stdout[-2000:]
        finally:
            shutil.rmtree(work, ignore_errors=True)
        say("attempt %d failed: %s" % (attempt + 1, error))
    raise ProcessError("Kafka's jars could not be fetched: " + error)


def _download(work):
    shutil.copy(POM, os.path.join(work, "pom.xml"))
    subprocess.run(
        ["mvn", "-q", "-B", "-f", os.path.join(work, "pom.xml"),
         "dependency:copy-dependencies", "-DincludeScope=runtime",
         "-DoutputDirectory=" + os.path.join(work, "libs")],
        check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)


def _replace(source, target):
    if os.path.isdir(target):
        old = tempfile.mkdtemp(dir=os.path.dirname(target))
        os.rename(target, os.path.join(old, "old"))
        shutil.rmtree(old, ignore_errors=True)
    os.rename(source, target)


def _forget(names):
    """Takes damaged jars out of Maven's own cache, or they come again."""
    repository = os.path.join(os.path.expanduser("~"), ".m2", "repository")
    for folder, _, files in os.walk(repository):
        for name in set(files) & set(names):
            os.unlink(os.path.join(folder, name))


# -- the cluster ------------------------------------------------------------

class Node:
    def __init__(self, number, folder):
        self.id = number
        self.dir = folder
        self.data = os.path.join(folder, "data")
        self.log = os.path.join(folder, "log")
        self.config = os.path.join(folder, "server.properties")
        self.port = None
        self.controller_port = None
        self.process = None

    def is_running(self):
        return self.process is not None and self.process.is_running()


def _cluster_id():
    """As Kafka draws one: a first "-" would be read as an option."""
    while True:
        drawn = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()
        if not drawn.startswith("-"):
            return drawn.rstrip("=")


class Kafka:
    """A cluster in a folder; its data and ports survive stop and start."""

    def __init__(self, folder=None, brokers=1, heap="512m", name="a",
                 settings=None):
        self.is_own_folder = folder is None
        self.dir = folder or tempfile.mkdtemp(prefix="wbkafka.")
        self.dir = os.path.abspath(self.dir)
        self.name = name
        self.heap = heap
        self.settings = settings or {}
        self.cluster_id = _cluster_id()
        self.nodes = [Node(n + 1, os.path.join(self.dir, "node%d" % (n + 1)))
                      for n in range(brokers)]

    @property
    def bootstrap(self):
        return ",".join("127.0.0.1:%d" % n.port for n in self.nodes)

    @property
    def replicas(self):
        return len(self.nodes)

    def _java(self, *arguments, heap=None):
        jars = os.path.join(cache_dir(), "*")
        return ["java", "-Xms64m", "-Xmx" + (heap or self.heap),
                "-XX:+UseSerialGC", "-XX:-UsePerfData",
                "-Djava.awt.headless=true",
                "-Dlog4j2.configurationFile=" +
                os.path.join(self.dir, "log4j2.properties"),
                "-cp", jars, *arguments]

    def _configure(self):
        taken = ports.free_ports(2 * len(self.nodes))
        for n, node in enumerate(self.nodes):
            os.makedirs(node.dir, exist_ok=True)
            node.port, node.controller_port = taken[2 * n:2 * n + 2]
        voters = ",".join("%d@127.0.0.1:%d" % (n.id, n.controller_port)
                          for n in self.nodes)
        replicas = min(3, len(self.nodes))
        with open(os.path.join(self.dir, "log4j2.properties"), "w") as f:
            f.write(LOG4J)
        for node in self.nodes:
            text = NODE.format(
                id=node.id, voters=voters, port=node.port,
                controller_port=node.controller_port, data=node.data,
                replicas=replicas, min_isr=2 if replicas == 3 else 1,
                controlled="true" if replicas == 3 else "false")
            with open(node.config, "w") as f:
                f.write(text)
                for key, value in self.settings.items():
                    f.write("%s=%s\n" % (key, value))

    def _format(self):
        for node in self.nodes:
            shutil.rmtree(node.data, ignore_errors=True)
            done = subprocess.run(
                self._java("-XX:TieredStopAtLevel=1",
                           "kafka.tools.StorageTool", "format",
                           "-t", self.cluster_id, "-c", node.config,
                           heap="128m"),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True)
            if done.returncode:
                raise ProcessError("kafka format failed:\n" + done.stdout)

    def start(self, timeout_s=60):
        """Starts every node that is not running and waits for all."""
        fetch()
        for attempt in range(START_TRIES):
            is_new = self.nodes[0].port is None
            if is_new:
                self._configure()
                self._format()
            try:
                for node in self.nodes:
                    self._spawn(node)
                for node in self.nodes:
                    self._wait(node, timeout_s)
                self._save()
                return self
            except ProcessError as e:
                bound = "Address already in use" in str(e) or \
                    "BindException" in "".join(
                        n.process.output() for n in self.nodes if n.process)
                self.kill()
                if not bound or attempt == START_TRIES - 1:
                    raise
                if is_new:
                    self.nodes[0].port = None
                else:
                    time.sleep(1)
        raise AssertionError("not reached")

    def _spawn(self, node):
        if not node.is_running():
            node.process = Process("kafka %s/%d" % (self.name, node.id),
                                   self._java("kafka.Kafka", node.config),
                                   node.log, cwd=node.dir)

    @staticmethod
    def _wait(node, timeout_s):
        node.process.wait_ready(
            lambda: "Kafka Server started" in node.process.output() and
            ports.answers(node.port), timeout_s)

    def start_node(self, number, timeout_s=60):
        node = self.nodes[number - 1]
        self._spawn(node)
        self._wait(node, timeout_s)

    def kill_node(self, number):
        """kill -9 of one broker."""
        self.nodes[number - 1].process.kill()

    def pause_node(self, number):
        self.nodes[number - 1].process.pause()

    def resume_node(self, number):
        self.nodes[number - 1].process.resume()

    def stop_node(self, number):
        self.nodes[number - 1].process.stop(60)

    def kill(self):
        for node in self.nodes:
            if node.process:
                node.process.kill()

    def stop(self):
        running = [n for n in self.nodes if n.is_running()]
        for node in running:
            node.process.send(signal.SIGTERM)
        for node in running:
            try:
                node.process.stop(20)
            except ProcessError:
                pass  # the controllers' quorum is gone: it was killed

    def restart(self):
        """kill -9 and start with the same data and ports."""
        self.kill()
        return self.start()

    def remove(self):
        self.kill()
        if self.is_own_folder:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, *_):
        self.remove()

    # -- for `kafka stop`, which is another process ------------------------

    def _save(self):
        state = {"bootstrap": self.bootstrap,
                 "pids": [n.process.pid for n in self.nodes]}
        with open(os.path.join(self.dir, "kafka.json"), "w") as f:
            json.dump(state, f)


def _is_kafka(pid, folder):
    """Whether PID still is a broker of FOLDER, not somebody's new process."""
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            command = f.read().decode("utf-8", "replace")
    except OSError:
        return False
    return "kafka.Kafka" in command and folder in command


def stop_folder(folder, timeout_s=20):
    path = os.path.join(os.path.abspath(folder), "kafka.json")
    try:
        with open(path) as f:
            pids = json.load(f)["pids"]
    except OSError:
        return
    folder = os.path.abspath(folder)
    deadline = time.monotonic() + timeout_s
    for number in (signal.SIGTERM, signal.SIGKILL):
        alive = [p for p in pids if _is_kafka(p, folder)]
        for pid in alive:
            os.kill(pid, number)
        while any(_is_kafka(p, folder) for p in alive) and \
                time.monotonic() < deadline:
            time.sleep(0.1)
        deadline = time.monotonic() + 5
    os.unlink(path)


def main():
    parser = argparse.ArgumentParser(
        prog="kafka", description="A real Apache Kafka %s for tests and the "
        "quick start." % VERSION)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("fetch", help="get and verify the jars")
    start = commands.add_parser("start", help="start a cluster in DIR")
    start.add_argument("dir")
    start.add_argument("--brokers", type=int, default=1)
    start.add_argument("--heap", default="512m")
    stop = commands.add_parser("stop", help="end the cluster in DIR")
    stop.add_argument("dir")
    chosen = parser.parse_args()

    def say(line):
        print(line, file=sys.stderr, flush=True)

    try:
        if chosen.command == "fetch":
            print(fetch(say))
        elif chosen.command == "start":
            fetch(say)
            os.makedirs(chosen.dir, exist_ok=True)
            kafka = Kafka(chosen.dir, chosen.brokers, chosen.heap)
            print(kafka.start().bootstrap)
        else:
            stop_folder(chosen.dir)
    except ProcessError as e:
        say("kafka: %s" % e)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
