# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A pytest plugin (-p report): one line with the time for each test, the same
to the file WAYBILL_RESULTS, from which ./check counts. Tests that are in the
file WAYBILL_PASSED are left out, and those that pass are added to it: so a long
run that was broken off goes on where it was."""

import os


def pytest_report_teststatus(report, config):
    """The lines below say it; keep pytest from printing its dots too."""
    del config
    if report.when == "call" or not report.passed:
        return report.outcome, "", ""
    return "", "", ""


class Reporter:
    """Adds up set-up, call and tear-down of each test."""

    def __init__(self, config):
        self.config = config
        self.results = os.environ.get("WAYBILL_RESULTS")
        self.passed = os.environ.get("WAYBILL_PASSED")
        self.seconds = {}
        self.outcome = {}

    def pytest_collection_modifyitems(self, config, items):
        if not self.passed or not os.path.exists(self.passed):
            return
        with open(self.passed, encoding="utf-8") as file:
            passed = set(file.read().splitlines())
        again = [i for i in items if self.told(i.nodeid) in passed]
        items[:] = [i for i in items if i not in again]
        config.hook.pytest_deselected(items=again)
        for item in again:
            self.say(f"PASS: {self.told(item.nodeid)} 0.000 s (earlier,"
                     " with the same build)")

    def pytest_runtest_logreport(self, report):
        name = report.nodeid
        self.seconds[name] = self.seconds.get(name, 0) + report.duration
        if self.outcome.get(name) != "FAIL":
            if report.failed:
                self.outcome[name] = "FAIL"
            elif report.skipped:
                self.outcome[name] = "SKIP"
            else:
                self.outcome.setdefault(name, "PASS")

    def pytest_runtest_logfinish(self, nodeid):
        outcome = self.outcome.pop(nodeid, "FAIL")
        self.say(f"{outcome}: {self.told(nodeid)} "
                 f"{self.seconds.pop(nodeid, 0):.3f} s")
        if self.passed and outcome == "PASS":
            self.add(self.passed, self.told(nodeid))

    def pytest_collectreport(self, report):
        """A file that cannot be read is a failed test."""
        if report.failed:
            self.say(f"FAIL: {self.told(report.nodeid)} 0.000 s"
                     " (cannot be read)")

    @staticmethod
    def told(nodeid):
        """A test's name, the same wherever pytest was started."""
        return nodeid if nodeid.startswith("tests/") else "tests/e2e/" + nodeid

    def say(self, line):
        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        terminal.ensure_newline()
        terminal.write_line(line)
        if self.results:
            self.add(self.results, line)

    @staticmethod
    def add(path, line):
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")


def pytest_configure(config):
    config.pluginmanager.register(Reporter(config), "waybill-report")
