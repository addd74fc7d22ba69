#!/usr/bin/env python3
# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The road's speed, each part next to its baseline in the same run.

One Kafka broker and one Postgres (fsync on) on this machine. A round measures
the plain and the transactional mirror, COPY, the road end to end, the recorder
without an output cluster, and the forwarder on a journal that is full. The
input is as long as the road needs for the seconds asked for, and each stretch
ends with nothing left behind. Asserts counts, never a time.
"""

import argparse
import json
import os
import sys
import time

import rig as rigs
import stretch
import table

FIRST = 300000          # messages to find out how many are needed
WARM_S = 4
WARM_ROUNDS = 6         # at most, until the broker's code is compiled
WARM_SHARE = 0.1        # of the time, that its compiler may still take


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10,
                        help="how long each stretch takes, about (10)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--json", metavar="FILE",
                        help="also write everything there; -: only that")
    parser.add_argument("--postgres", metavar="KEY=VALUE", action="append",
                        type=pair, default=[], help="a setting of Postgres")
    parser.add_argument("--daemon", metavar="KEY=VALUE", action="append",
                        type=pair, default=[],
                        help="a key of the daemon's file, as batch.messages")
    parser.add_argument("--only", metavar="WHAT",
                        help="one stretch alone, to look at: "
                        "road, recorder (and forwarder), mirrors, copy")
    parser.add_argument("--perf", metavar="FILE",
                        help="perf record of the daemon, of the last stretch")
    parser.add_argument("--keep", action="store_true",
                        help="keep the folder with the daemon's log")
    return parser.parse_args()


def pair(text):
    key, _, value = text.partition("=")
    return key, value


def say(text):
    print(text, file=sys.stderr, flush=True)


def show(what, found):
    say("  %-14s %9.0f msg/s, %.1f s" % (what, found["rate"],
                                         found["seconds"]))
    return found


def one_round(rig, count, seconds, only):
    found = {}
    if only in (None, "mirrors"):
        for kind in ("plain", "transactional"):
            found[kind] = show(kind, rig.mirror(kind, seconds))
    if only in (None, "road"):
        found["road"] = show("road", stretch.end_to_end(rig, count))
    if only in (None, "copy"):
        found["copy"] = show("copy", stretch.copy(rig, seconds))
    if only in (None, "recorder"):
        recorder, forwarder = stretch.recorder_and_forwarder(rig, count)
        found["recorder"] = show("recorder", recorder)
        found["forwarder"] = show("forwarder", forwarder)
    return found


def warm_up(rig):
    """Until the broker runs compiled code; the last look at the road."""
    for _ in range(WARM_ROUNDS):
        compiler, began = rig.compiler_cpu(), time.monotonic()
        for kind in ("plain", "transactional"):
            rig.mirror(kind, WARM_S)
        found = show("road", stretch.end_to_end(rig, FIRST))
        if rig.compiler_cpu() - compiler < \
                WARM_SHARE * (time.monotonic() - began):
            break
    return found


def measure(options):
    with rigs.Rig(options) as rig:
        rig.flood(FIRST)
        say("warming up, and finding the length")
        first = warm_up(rig)
        count = max(FIRST, int(first["rate"] * options.seconds))
        if count > FIRST:
            rig.flood(count - FIRST)
        rounds = []
        for number in range(options.rounds):
            say("round %d of %d, %d messages" % (number + 1, options.rounds,
                                                 count))
            rounds.append(one_round(rig, count, options.seconds,
                                    options.only))
        return count, rounds


def main():
    options = parse()
    began = time.time()
    count, rounds = measure(options)
    whole = options.only is None
    if options.json != "-":
        print()
        print(table.as_text(rounds) if whole else json.dumps(rounds, indent=1))
        print("Counts are right in every stretch: %d messages in, accepted, "
              "recorded and, where there is an output, delivered; none "
              "failed.\n%d rounds, %d cores, %.0f s in all." % (
                  count, options.rounds, os.cpu_count(), time.time() - began))
    if options.json:
        text = json.dumps({"messages": count, "cores": os.cpu_count(),
                           "rounds": rounds,
                           "summary": table.summary(rounds) if whole else None},
                          indent=1)
        if options.json == "-":
            print(text)
        else:
            with open(options.json, "w") as f:
                f.write(text + "\n")


if __name__ == "__main__":
    main()
