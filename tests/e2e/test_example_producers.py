# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The producers in examples/ do what the page for producers asks: each line is
recorded once, also when all of it is sent again under the same name, and what
is wrong is told."""

import json
import os
import subprocess
import sys

import pytest

from harness.gateway import program

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PYTHON = os.path.join(ROOT, "examples", "producer-python", "producer.py")


@pytest.mark.parametrize("language", ["c", "python"])
def test_each_line_is_recorded_once(make_gateway, language):
    gateway = make_gateway()
    us, _ = gateway.feeds
    daemon = gateway.start()
    command = ([program("examples/producer-c/producer")] if language == "c"
               else [sys.executable, PYTHON])
    lines = [json.dumps(us.contract.make(n)) for n in range(20)]
    env = dict(os.environ, WAYBILL_KEY=gateway.client(us).key,
               PRODUCER_RUN="night-1")

    def run(lines):
        return subprocess.run(
            command + ["http://127.0.0.1:%d" % daemon.rest_port, us.tenant,
                       us.feed], input="\n".join(lines) + "\n", text=True,
            env=env, capture_output=True, timeout=60)
    first, again = run(lines), run(lines)
    assert (first.returncode, again.returncode) == (0, 0), (first, again)
    said = first.stdout.splitlines()
    assert [line.split()[:2] for line in said] == [
        ["night-1-%d" % (n + 1), "202"] for n in range(20)]
    assert again.stdout.count('"duplicate"') >= 20
    wrong = run(lines + ["{}"])
    assert wrong.returncode == 1
    assert wrong.stdout.splitlines()[-1].split()[:2] == ["night-1-21", "422"]
    us.sent = 61
    gateway.wait_quiet()
    assert len(gateway.output(us)) == 20
