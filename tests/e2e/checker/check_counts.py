#!/usr/bin/python3
# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Do the counts add up, by ids? Reads topics and journal and shares no code
with the daemon.

Ends with 0: everything adds up; 1: it does not; 2: usage; 4: a server could
not be reached.
"""

import argparse
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                ".."))

from checker.check import Check  # noqa: E402
from checker.report import as_json, as_table  # noqa: E402

UNREACHABLE = 4


def judge(dsn, bootstraps, is_quiet=True, leaks=True, sent=()):
    """The finished Check of a deployment. SENT: (topic, partition, offset) of
    messages that a producer was told to be written."""
    from checker.sources import Real
    evidence = Real(dsn, bootstraps, is_quiet, leaks)
    try:
        if is_quiet:
            evidence.settle()
        check = Check(evidence).run()
        check.judge_sent(sent)
        return check
    finally:
        evidence.close()


def _pairs(values):
    pairs = dict(v.split("=", 1) for v in values)
    if not pairs:
        raise ValueError
    return pairs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--postgres", required=True, metavar="CONNINFO")
    parser.add_argument("--cluster", action="append", default=[],
                        metavar="NAME=BOOTSTRAP")
    parser.add_argument("--ledger", metavar="FILE",
                        help="lines of topic/partition/offset that a "
                        "producer was told to be written")
    parser.add_argument("--running", action="store_true",
                        help="messages are under way: missing is not lost")
    parser.add_argument("--no-leaks", action="store_true",
                        help="do not read aborted messages too")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    try:
        bootstraps = _pairs(chosen.cluster)
    except ValueError:
        parser.error("--cluster NAME=BOOTSTRAP is wanted at least once")
    import confluent_kafka
    import psycopg2
    sent = []
    if chosen.ledger:
        with open(chosen.ledger) as f:
            for line in f:
                topic, partition, offset = line.strip().rsplit("/", 2)
                sent.append((topic, int(partition), int(offset)))
    began = time.monotonic()
    try:
        check = judge(chosen.postgres, bootstraps, not chosen.running,
                      not chosen.no_leaks, sent)
    except (psycopg2.OperationalError, confluent_kafka.KafkaException) as e:
        print("check_counts: %s" % e, file=sys.stderr)
        return UNREACHABLE
    took = time.monotonic() - began
    if chosen.json:
        print(json.dumps(dict(as_json(check), seconds=round(took, 1)),
                         indent=2))
    else:
        print(as_table(check))
        print("checked in %.1f s" % took)
    return 1 if check.findings else 0


if __name__ == "__main__":
    sys.exit(main())
