# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A Waybill deployment under test: its database, its topics, its daemons, its
command line, and the checker's word on it."""

import glob
import itertools
import json
import os
import subprocess
import urllib.error
import urllib.request

from . import consumer, ports, topics
from .catalogue import Catalogue
from .process import Process, ProcessError, wait_until
from .producer import Producer
from .rest import Client

START_TRIES = 3
LOGIN = "wb_daemon"      # who the daemons are, in Postgres
SANITIZERS = ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")


def build_dir():
    folder = os.environ.get("WAYBILL_BUILD")
    if not folder:
        raise ProcessError("WAYBILL_BUILD must name the folder of the build")
    return folder


def program(name):
    path = os.path.join(build_dir(), name)
    if not os.access(path, os.X_OK):
        raise ProcessError("%s is not built" % path)
    return path


def missing_programs():
    """Why there is nothing to test; empty when there is."""
    try:
        for name in ("waybill", "waybilld"):
            program(name)
        return ""
    except ProcessError as e:
        return str(e)


class Daemon(Process):
    """One waybilld."""

    def __init__(self, gateway, name, port, config, crash, rest_port=0):
        self.gateway = gateway
        self.port = port
        self.rest_port = rest_port
        self.marker = None
        env = dict(os.environ)
        env.pop("WAYBILL_CRASH", None)
        for variable in SANITIZERS:
            env[variable] = ":".join(filter(None, [
                env.get(variable), "log_path=" + gateway.sanitizer_log(name)]))
        if crash:
            point, count = crash
            self.marker = os.path.join(gateway.folder, name + ".crashed")
            if os.path.exists(self.marker):
                os.unlink(self.marker)
            env["WAYBILL_CRASH"] = "%s:%d:%s" % (point, count, self.marker)
        super().__init__("waybilld " + name,
                         [program("waybilld"), "-c", config],
                         os.path.join(gateway.folder, name + ".log"), env=env)

    def http(self, path, timeout_s=5):
        """(status, text) of a GET."""
        url = "http://127.0.0.1:%d%s" % (self.port, path)
        try:
            with urllib.request.urlopen(url, timeout=timeout_s) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()
        except OSError:
            return 0, ""

    def is_ready(self):
        return self.http("/readyz")[0] == 200

    def has_crashed(self):
        """Whether the crash point was reached, by what it wrote itself."""
        return self.marker is not None and os.path.exists(self.marker)


class Gateway:
    def __init__(self, postgres, kafkas, folder, feeds, stem, lanes=2,
                 output_clusters=None, durability="development"):
        """kafkas: name -> Kafka; the first is the input cluster too.
        output_clusters: names; all of them by default."""
        self.postgres = postgres
        self.kafkas = kafkas
        self.folder = folder
        self.feeds = list(feeds)
        self.deployment = stem
        self.input_cluster = next(iter(kafkas))
        self.output_clusters = list(output_clusters or kafkas)
        self.catalogue = Catalogue(
            stem, {n: (k.bootstrap, self._roles(n))
                   for n, k in kafkas.items()}, self.feeds, lanes,
            durability)
        self.database = None
        self.daemons = []
        self.producers = []
        self.key_numbers = itertools.count(1)

    def _roles(self, name):
        return [r for r, has in (("input", name == self.input_cluster),
                                 ("output", name in self.output_clusters))
                if has]

    # -- making it ----------------------------------------------------------

    def set_up(self):
        """Database, migrations, catalogue, topics; no daemon yet."""
        self.database = self.postgres.new_database("wb")
        self.waybill("migrate")
        self._make_login()
        for feed in self.feeds:
            self.create_topics(feed)
        self.apply()
        return self

    def _make_login(self):
        self.postgres.query(
            "DO $$ BEGIN IF to_regrole('%s') IS NULL THEN "
            "CREATE ROLE %s LOGIN; END IF; END $$; "
            "GRANT waybill_daemon TO %s" % (LOGIN, LOGIN, LOGIN))

    def create_topics(self, feed, only=("input", "output", "dead")):
        """What leaves bears the broker's time, so that the checker can
        compare it with the time of the commit."""
        appended = {"message.timestamp.type": "LogAppendTime"}
        if "input" in only:
            # Producers may say any time.
            any_time = {"message.timestamp.after.max.ms": str(2 ** 63 - 1),
                        "message.timestamp.before.max.ms": str(2 ** 63 - 1)}
            kafka = self.kafkas[self.input_cluster]
            topics.create(kafka.bootstrap, [feed.input], feed.partitions,
                          min(3, kafka.replicas), any_time)
        for name in feed.outputs or self.output_clusters:
            bootstrap = self.kafkas[name].bootstrap
            replicas = min(3, self.kafkas[name].replicas)
            if "output" in only:
                topics.create(bootstrap, [feed.output], feed.partitions,
                              replicas, appended)
            if "dead" in only:
                topics.create(bootstrap, [feed.dead], feed.dead_partitions,
                              replicas, appended)

    def apply(self, *options):
        deploy = self.catalogue.write(os.path.join(self.folder, "deploy"))
        return self.waybill("apply", "-f", deploy, "--create-topics",
                            *options)

    def add_feed(self, feed):
        """Declares one more feed while everything runs."""
        self.feeds.append(feed)
        self.catalogue.feeds.append(feed)
        self.create_topics(feed)
        self.apply()

    # -- its daemons --------------------------------------------------------

    def start(self, name="d1", crash=None, ready=True, settings=None,
              timeout_s=60):
        """Starts a daemon; crash: (point, count)."""
        for attempt in range(START_TRIES):
            port, rest_port = ports.free_ports(2)
            config = os.path.join(self.folder, name + ".yaml")
            keys = {"daemon": name,
                    "postgres": {"connection": self.dsn(LOGIN)},
                    "listen": "127.0.0.1:%d" % port,
                    "rest": {"listen": "127.0.0.1:%d" % rest_port}}
            keys.update(settings or {})
            with open(config, "w") as f:
                json.dump(keys, f, indent=1)
            daemon = Daemon(self, name, port, config, crash, rest_port)
            if not ready:
                break
            try:
                daemon.wait_ready(daemon.is_ready, timeout_s)
                break
            except ProcessError as e:
                daemon.kill()
                if "in use" not in str(e) or attempt == START_TRIES - 1:
                    raise
        self.daemons.append(daemon)
        return daemon

    def sanitizer_log(self, name):
        return os.path.join(self.folder, "sanitizer." + name)

    def sanitizer_reports(self):
        texts = []
        for path in glob.glob(os.path.join(self.folder, "sanitizer.*")):
            with open(path, errors="replace") as f:
                texts.append(f.read())
        return "\n".join(t for t in texts if t.strip())

    def stop(self):
        """Asks each daemon to end, and requires that it ends well."""
        for daemon in self.daemons:
            if daemon.is_running():
                daemon.resume()
                status = daemon.stop(60)
                assert status == 0, "%s ended with %s\n%s" % (
                    daemon.name, status, daemon.tail())

    def faults(self):
        """What must fail a test, whatever the test itself has seen: a daemon
        that ended by itself, a report of a sanitizer."""
        died = ["%s ended by itself with status %s\n%s" %
                (d.name, d.status, d.tail()) for d in self.daemons
                if d.has_died() and not d.has_crashed()]
        return "\n".join(died + [self.sanitizer_reports()]).strip()

    def finish(self):
        """The end of a test that went well: daemons end in order, where their
        Postgres is still there; returns the faults."""
        faults = self.faults()
        if not faults and self.postgres.process.is_running():
            try:
                self.stop()
            except (AssertionError, ProcessError) as e:
                faults = str(e)
        self.tear_down()
        return "\n".join([faults, self.sanitizer_reports()]).strip()

    def tear_down(self):
        for daemon in self.daemons:
            daemon.kill()

    def logs(self):
        return "\n".join(d.tail() for d in self.daemons)

    # -- asking it ----------------------------------------------------------

    def dsn(self, user="postgres"):
        return self.postgres.dsn(self.database, user)

    def sql(self, text, parameters=None, user="postgres"):
        return self.postgres.query("SET search_path = waybill, public; " +
                                   text, parameters, self.database, user)

    def _run(self, arguments, status, user="postgres"):
        done = subprocess.run(
            [program("waybill"), "--postgres", self.dsn(user),
             *[str(a) for a in arguments]],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, timeout=120)
        if status is not None and done.returncode != status:
            raise AssertionError("waybill %s ended with %d\n%s%s" % (
                " ".join(map(str, arguments)), done.returncode, done.stdout,
                done.stderr))
        return done

    def waybill(self, *arguments, status=0, user="postgres"):
        """Runs the command line; its output. status: what it must end with,
        None: whatever."""
        done = self._run(arguments, status, user)
        return done.stdout if status == 0 else done.stdout + done.stderr

    def waybill_json(self, *arguments, status=0):
        return json.loads(self._run(("--json",) + arguments, status).stdout)

    # -- traffic ------------------------------------------------------------

    def producer(self):
        found = Producer(self.kafkas[self.input_cluster].bootstrap)
        self.producers.append(found)
        return found

    def key(self, tenant, *scopes, name=None):
        """A new API key's token."""
        name = name or "client-%d" % next(self.key_numbers)
        scopes = scopes or ("publish", "read", "status")
        return self.waybill("key", "create", "--tenant", tenant, "--name",
                            name, *[w for s in scopes
                                    for w in ("--scope", s)]).strip()

    def client(self, feed, daemon=None, key=None):
        """A REST client of a feed's tenant, of the first daemon unless said;
        its key is known to the daemon."""
        daemon = daemon or self.daemons[0]
        client = Client(daemon.rest_port, key or self.key(feed.tenant))
        wait_until(lambda: client.receipt("0-1-1").status != 401, 10,
                   "the daemon to know the key", 0.02)
        return client

    def output(self, feed, cluster=None, committed=True):
        cluster = cluster or self.output_clusters[0]
        return consumer.read_all(self.kafkas[cluster].bootstrap, feed.output,
                                 committed)

    def dead_letters(self, feed, cluster=None, committed=True):
        cluster = cluster or self.output_clusters[0]
        return consumer.read_all(self.kafkas[cluster].bootstrap, feed.dead,
                                 committed)

    def recorded(self):
        return int(self.sql("SELECT coalesce(sum(count), 0) FROM block")[0][0])

    def behind(self, cluster):
        """How many blocks have no word on where they are on a cluster."""
        return self.sql("""
            SELECT count(*) FROM block b
            JOIN feed_output o USING (tenant, feed),
            (VALUES (0), (1)) AS k(kind)
            WHERE o.cluster = %s AND k.kind = ANY (b.verdicts)
              AND NOT EXISTS (SELECT FROM delivery d WHERE d.day = b.day
                  AND d.cluster = o.cluster AND d.kind = k.kind
                  AND d.lane = b.lane AND d.incarnation = b.incarnation
                  AND d.first_seq = b.first_seq)""", (cluster,))[0][0]

    def wait_recorded(self, number=None, timeout_s=60):
        """Until all that was sent is in the journal."""
        wanted = sum(f.sent for f in self.feeds) if number is None else number
        self._patiently(lambda: self.recorded() >= wanted, timeout_s,
                        lambda: "%d of %d messages are recorded" %
                        (self.recorded(), wanted))

    def wait_quiet(self, timeout_s=60, clusters=None):
        """Until all that was sent is recorded, and everything has left."""
        self.wait_recorded(timeout_s=timeout_s)
        for cluster in clusters or self.output_clusters:
            self._patiently(lambda: self.behind(cluster) == 0, timeout_s,
                            lambda: "%d blocks have not reached %s" %
                            (self.behind(cluster), cluster))
            consumer.settle(self.kafkas[cluster].bootstrap,
                            [t for f in self.feeds
                             if cluster in (f.outputs or [cluster])
                             for t in (f.output, f.dead)])

    def _patiently(self, condition, timeout_s, tell):
        try:
            wait_until(condition, timeout_s, "the road", 0.2)
        except ProcessError:
            raise AssertionError("after %g s %s\n%s" % (
                timeout_s, tell(), self.logs())) from None

    # -- the verdict --------------------------------------------------------

    def check(self, is_quiet=True, leaks=True):
        """The independent checker finds nothing; returns the Check."""
        from checker.check_counts import judge
        from checker.report import as_table
        sent = [place for p in self.producers for place in p.ledger if place]
        found = judge(self.dsn(), {n: k.bootstrap
                                   for n, k in self.kafkas.items()},
                      is_quiet, leaks, sent)
        assert not found.findings, as_table(found) + "\n" + self.logs()
        reports = self.sanitizer_reports()
        assert not reports, reports
        return found
