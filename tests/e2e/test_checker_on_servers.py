# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The checker reads a real Postgres and a real Kafka as it reads a made-up
world: what is right passes, what is planted there is found."""

import json
import os
import subprocess
import sys

import pytest

from checker.check_counts import judge
from checker.fake import Fake
from checker.pour import pour_journal, pour_topics
from harness.kafka import Kafka
from harness.producer import Producer

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "checker",
                       "check_counts.py")


@pytest.fixture(scope="module")
def bootstraps():
    with Kafka(name="checker") as cluster:
        bootstraps = {"a": cluster.bootstrap}
        pour_topics(Fake(clusters=("a",), offset_step=1), bootstraps)
        yield bootstraps


@pytest.fixture
def poured(shared_postgres, bootstraps):
    database = shared_postgres.new_database("checker")
    connection = shared_postgres.connect(database)
    pour_journal(Fake(clusters=("a",), offset_step=1), connection)
    connection.close()
    return shared_postgres, database, bootstraps


def test_the_program_stands_alone(poured):
    postgres, database, bootstraps = poured
    command = [sys.executable, PROGRAM, "--json", "--postgres",
               postgres.dsn(database), "--cluster", "a=" + bootstraps["a"]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    said = json.loads(done.stdout)
    assert done.returncode == 0 and said["ok"]
    assert sum(f["read"] for f in said["feeds"]) == 600
    postgres.query("DELETE FROM waybill.violation WHERE lane = 0",
                   database=database)
    assert subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 1
    assert subprocess.run(command[:2], stderr=subprocess.DEVNULL
                          ).returncode == 2


def test_what_is_right_passes_and_what_is_planted_is_found(poured):
    postgres, database, bootstraps = poured

    def names():
        return judge(postgres.dsn(database), bootstraps).findings.names

    assert names() == set()

    postgres.query("UPDATE waybill.block SET bodies[2] = 'x' WHERE lane = 1 "
                   "AND first_seq = 1", database=database)
    assert {"chain-broken", "changed"} <= names()

    postgres.query("DELETE FROM waybill.delivery WHERE lane = 1 AND "
                   "first_seq = 11", database=database)
    assert "missing-delivery" in names()

    producer = Producer(bootstraps["a"])
    producer.send("us.out", b"from nowhere", partition=0)
    producer.send("us.in", b"not recorded", partition=0)
    producer.flush()
    assert {"foreign", "unseen"} <= names()
