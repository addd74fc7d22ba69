# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL in a folder of its own.

initdb refuses root: then the server runs as the user `postgres`. It listens on
a Unix socket in its folder and on a loopback port, trusts everybody there, and
keeps fsync on, since durability is what the tests are about.
"""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

import psycopg2

from . import ports
from .process import Process, ProcessError, children_of, wait_until

START_TRIES = 5

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "128MB",
    "max_connections": "120",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    # When each transaction committed: the proof of record before forward.
    "track_commit_timestamp": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %u@%d ",
}


def binaries():
    """The folder of the newest installed server's programs."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"),
                   key=lambda p: int(p.split("/")[4]))
    if found:
        return os.path.dirname(found[-1])
    onpath = shutil.which("initdb")
    if onpath:
        return os.path.dirname(os.path.realpath(onpath))
    raise ProcessError("no PostgreSQL server is installed "
                       "(apt-get install postgresql-15)")


def server_user():
    """Who runs the server: None for oneself."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
            return name
        except KeyError:
            continue
    raise ProcessError("root may not run initdb, and no other user is here")


class Postgres:
    """One server. start() and stop() may follow each other many times."""

    def __init__(self, parent=None, settings=None):
        # A socket's path may have 107 bytes: keep the folder's name short.
        self.dir = tempfile.mkdtemp(prefix="wbpg.", dir=parent)
        self.data = os.path.join(self.dir, "data")
        self.log = os.path.join(self.dir, "log")
        self.user = server_user()
        self.settings = dict(SETTINGS, **(settings or {}))
        self.port = None
        self.process = None
        self._paused = []
        self.databases = 0
        if self.user:
            entry = pwd.getpwnam(self.user)
            os.chown(self.dir, entry.pw_uid, entry.pw_gid)
        os.chmod(self.dir, 0o755)

    def _run(self, program, *arguments):
        options = {}
        if self.user:
            entry = pwd.getpwnam(self.user)
            options = {"user": entry.pw_uid, "group": entry.pw_gid,
                       "extra_groups": []}
        done = subprocess.run(
            [os.path.join(binaries(), program), *arguments], cwd=self.dir,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, **options)
        if done.returncode:
            raise ProcessError("%s failed:\n%s" % (program, done.stdout))
        return done.stdout

    def init(self):
        self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust",
                  "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-N",
                  "--no-instructions")
        return self

    def _write_settings(self):
        chosen = dict(self.settings, port=str(self.port),
                      listen_addresses="127.0.0.1",
                      unix_socket_directories=self.dir)
        with open(os.path.join(self.data, "waybill.conf"), "w") as f:
            for key, value in chosen.items():
                f.write("%s = '%s'\n" % (key, value.replace("'", "''")))
        main = os.path.join(self.data, "postgresql.conf")
        with open(main, "r+") as f:
            if "waybill.conf" not in f.read():
                f.write("\ninclude 'waybill.conf'\n")

    def start(self, timeout_s=60):
        """Starts it; the port is chosen once and then kept."""
        if not os.path.exists(os.path.join(self.data, "PG_VERSION")):
            self.init()
        for attempt in range(START_TRIES):
            if self.port is None:
                self.port = ports.free_ports(1)[0]
                fresh_port = True
            else:
                fresh_port = attempt > 0 and self.process is None
            self._write_settings()
            process = Process("postgres", [os.path.join(binaries(), "postgres"),
                                           "-D", self.data],
                              self.log, cwd=self.dir, user=self.user)
            try:
                process.wait_ready(self._is_ready, timeout_s)
                self.process = process
                return self
            except ProcessError:
                taken = "could not bind" in process.output() or \
                    "could not create any TCP" in process.output()
                process.kill()
                if not taken or attempt == START_TRIES - 1:
                    raise
                if fresh_port:
                    self.port = None
        raise AssertionError("not reached")

    def _is_ready(self):
        try:
            self.connect("postgres").close()
            return True
        except psycopg2.OperationalError:
            return False

    def stop(self, mode="fast"):
        number = {"smart": signal.SIGTERM, "fast": signal.SIGINT,
                  "immediate": signal.SIGQUIT}[mode]
        if self.process and self.process.is_running():
            self.process.stop(60, number)

    def kill(self):
        """kill -9 of the postmaster and of each of its children."""
        if not self.process or not self.process.is_running():
            return
        self.process.pause()
        children = children_of(self.process.pid)
        self.process.kill()
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until(lambda: not any(os.path.exists("/proc/%d" % p) and
                                   not _is_zombie(p) for p in children),
                   30, "the children of postgres to end")

    def restart(self, mode="fast"):
        self.stop(mode)
        return self.start()

    def pause(self):
        """Stops the postmaster and its children: a server that hangs. It
        first, so that no more children come; those there are may still go."""
        self.process.pause()
        self._paused = children_of(self.process.pid)
        self._send_paused(signal.SIGSTOP)

    def resume(self):
        self._send_paused(signal.SIGCONT)
        self._paused = []
        self.process.resume()

    def _send_paused(self, number):
        for pid in self._paused:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def remove(self):
        if self.process:
            self.resume()          # or it would not end
        self.stop("immediate")
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.remove()

    # -- asking it ---------------------------------------------------------

    def dsn(self, database="postgres", user="postgres"):
        return "host=127.0.0.1 port=%d dbname=%s user=%s" % (
            self.port, database, user)

    def connect(self, database="postgres", user="postgres"):
        connection = psycopg2.connect(self.dsn(database, user),
                                      connect_timeout=5)
        connection.autocommit = True
        return connection

    def query(self, sql, parameters=None, database="postgres",
              user="postgres"):
        """The rows, as a list of tuples (empty for a command)."""
        connection = self.connect(database, user)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def new_database(self, stem="w"):
        """A fresh, empty database; its name."""
        self.databases += 1
        name = "%s%d" % (stem, self.databases)
        self.query('CREATE DATABASE "%s" TEMPLATE template0' % name)
        return name

    # -- a second server behind it -----------------------------------------

    def new_standby(self, name="standby"):
        """A streaming standby of this server, not yet started."""
        standby = Postgres(os.path.dirname(self.dir), self.settings)
        self._run("pg_basebackup", "-h", self.dir, "-p", str(self.port),
                  "-U", "postgres", "-D", self._hand_over(standby), "-R",
                  "-X", "stream", "-c", "fast", "-d",
                  "application_name=%s" % name)
        return standby

    @staticmethod
    def _hand_over(standby):
        return standby.data

    def set_synchronous(self, names):
        """Which standbys a commit waits for; '' for none."""
        self.settings["synchronous_standby_names"] = names
        self._write_settings()
        self.query("SELECT pg_reload_conf()")

    def promote(self):
        self.query("SELECT pg_promote(true, 60)")


def _is_zombie(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True
