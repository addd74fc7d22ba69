# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A child process with a log file, ended by its pid and by nothing else."""

import os
import signal
import subprocess
import time


class ProcessError(RuntimeError):
    pass


def wait_until(condition, timeout_s, what, every_s=0.05):
    """Calls CONDITION until it returns something true, and returns that."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise ProcessError("waited %g s in vain for %s" %
                               (timeout_s, what))
        time.sleep(every_s)


class Process:
    """Started once; a restart is a new Process with the same log."""

    def __init__(self, name, argv, log, env=None, cwd=None, user=None):
        self.name = name
        self.log = str(log)
        self.argv = [str(a) for a in argv]
        self.log_from = os.path.getsize(log) if os.path.exists(log) else 0
        self.is_asked_to_end = False
        options = {}
        if user:
            import pwd
            entry = pwd.getpwnam(user)
            options = {"user": entry.pw_uid, "group": entry.pw_gid,
                       "extra_groups": []}
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=env, cwd=cwd, start_new_session=True, **options)

    @property
    def pid(self):
        return self.child.pid

    def is_running(self):
        return self.child.poll() is None

    @property
    def status(self):
        """The exit status; negative: the signal that ended it; None: runs."""
        return self.child.poll()

    def send(self, number):
        if self.is_running():
            self.child.send_signal(number)

    def has_died(self):
        """Ended, and nobody had asked for it or waited for it."""
        return not self.is_asked_to_end and not self.is_running()

    def kill(self):
        """kill -9, and waits until it is gone."""
        self.is_asked_to_end = self.is_asked_to_end or self.is_running()
        self.send(signal.SIGKILL)
        self.child.wait()

    def pause(self):
        self.send(signal.SIGSTOP)

    def resume(self):
        self.send(signal.SIGCONT)

    def stop(self, timeout_s=30, number=signal.SIGTERM):
        """Asks it to end; returns its status; kills it when it will not."""
        self.is_asked_to_end = self.is_asked_to_end or self.is_running()
        self.send(number)
        try:
            return self.child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ProcessError("%s did not end within %g s\n%s" %
                               (self.name, timeout_s, self.tail()))

    def wait(self, timeout_s):
        self.is_asked_to_end = True
        try:
            return self.child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise ProcessError("%s still runs after %g s\n%s" %
                               (self.name, timeout_s, self.tail()))

    def output(self):
        """What it has written since it was started."""
        with open(self.log, "rb") as f:
            f.seek(self.log_from)
            return f.read().decode("utf-8", "replace")

    def tail(self, lines=40):
        text = self.output().splitlines()[-lines:]
        return "--- %s: %s\n%s\n---" % (self.name, self.log, "\n".join(text))

    def wait_ready(self, is_ready, timeout_s):
        """Until IS_READY() holds; fails at once when the process ends."""
        def look():
            if not self.is_running():
                raise ProcessError("%s ended with status %s while starting\n%s"
                                   % (self.name, self.status, self.tail()))
            return is_ready()
        try:
            wait_until(look, timeout_s, self.name)
        except ProcessError as e:
            raise ProcessError("%s\n%s" % (e, self.tail())) from None


def children_of(pid):
    """The pids whose parent is PID."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % entry) as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(entry))
    return found
