#!/usr/bin/env python3
# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""How fast messages are taken by HTTP: recorded durably, then forwarded.

One Kafka broker, one Postgres (fsync on) and the load on this machine. A
round measures one message a request, a hundred in binary, and a hundred as
strict Avro JSON, each over connections that stay. Every answer must be 202,
and in the end all that was answered must be recorded. Asserts no time.
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import time
from statistics import median

import rig as rigs
import stretch
from harness import avro
from harness.gateway import build_dir
from harness.process import wait_until

MANY = 100
PATIENCE_S = 120


def value(n):
    """A message of about 300 bytes."""
    return {
        "location": "store-%05d" % (n % 400), "item": "item-%09d" % n,
        "description": "a thing that somebody may wish to buy, in blue",
        "supplier": "supplier-%06d" % (n % 977), "status": "ACTIVE",
        "policy": "MIN_MAX", "minimum": 12, "maximum": 480,
        "presentation": 6, "pack": 12, "layer": 96, "pallet": 960,
        "service_level": 0.985, "unit_cube": 0.5, "unit_weight": 0.25,
        "on_hand": 1000 + n, "allocated": 17,
        "in_transit": [48, 0, 96, 0, 12], "forecast": [7] * 28,
        "shelf_life_days": {"int": 90}, "substitute": None,
        "promoted": False, "as_of": 1774224000000, "revision": n,
        "note": "counted by hand, and counted once more by another hand",
    }


def plain(of):
    """As the harness' encoder takes it: without the names of branches."""
    return dict(of, shelf_life_days=of["shelf_life_days"]["int"])


KINDS = {
    "one": ("avro/binary", 1, lambda make: make(1)),
    "hundred": ("application/vnd.waybill.messages+avro", MANY,
                lambda make: b"".join(
                    struct.pack(">I", len(make(n))) + make(n)
                    for n in range(MANY))),
    "json": ("application/x-ndjson", MANY,
             lambda make: b"".join(json.dumps(value(n)).encode() + b"\n"
                                   for n in range(MANY))),
}


def request_of(feed, key, port, kind):
    media, _, body_of = KINDS[kind]
    body = body_of(lambda n: avro.encode(feed.contract.schema,
                                         plain(value(n))))
    head = ("POST /v1/tenants/%s/feeds/%s/messages HTTP/1.1\r\n"
            "Host: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n"
            "Content-Type: %s\r\nContent-Length: %d\r\n\r\n"
            % (feed.tenant, feed.feed, port, key, media, len(body)))
    return head.encode() + body, len(body)


def load(options, gateway, daemon, kind, path):
    """{rate, p50_ms, p99_ms, own_us, postgres_us, ...} of a stretch."""
    feed, = gateway.feeds
    request, size = request_of(feed, gateway.key(feed.tenant),
                               daemon.rest_port, kind)
    with open(path, "wb") as f:
        f.write(request)
    many = KINDS[kind][1]
    before = recorded(daemon)
    rig = options.rig
    own, server = rigs.cpu_of(daemon.pid), rig.postgres_cpu()
    told = json.loads(subprocess.run(
        [os.path.join(build_dir(), "tests", "bench", "bench_http"),
         "--port", str(daemon.rest_port), "--connections",
         str(options.connections), "--seconds", str(options.seconds),
         "--request", path], check=True, stdout=subprocess.PIPE).stdout)
    own = rigs.cpu_of(daemon.pid) - own
    server = rig.postgres_cpu() - server
    assert told["status"]["4xx"] == told["status"]["5xx"] == 0, told
    sent = recorded(daemon) - before
    assert sent >= told["requests"] * many, (sent, told)
    return {"rate": told["requests_per_second"] * many,
            "requests_per_second": told["requests_per_second"],
            "p50_ms": told["p50_ms"], "p99_ms": told["p99_ms"],
            "body_bytes": size, "messages": sent, "own_us": own * 1e6 / sent,
            "postgres_us": server * 1e6 / sent}


def recorded(daemon):
    return stretch.total(daemon, "waybill_recorded_messages_total")


def one_round(options, number):
    found = {}
    for kind in options.kinds:
        gateway = options.rig.deploy()
        try:
            daemon = gateway.start(settings=stretch.nested(
                options.daemon))
            path = os.path.join(options.rig.folder, "request")
            found[kind] = load(options, gateway, daemon, kind, path)
            began = time.monotonic()
            goal = recorded(daemon)
            wait_until(lambda: stretch.total(
                daemon, "waybill_forwarded_messages_total") >= goal,
                PATIENCE_S, "everything is forwarded")
            found[kind]["behind_s"] = time.monotonic() - began
        finally:
            gateway.remove()
        print("  %-8s %9.0f msg/s  p99 %.1f ms  own %.1f us" % (
            kind, found[kind]["rate"], found[kind]["p99_ms"],
            found[kind]["own_us"]), file=sys.stderr, flush=True)
    return found


def as_text(rounds, kinds):
    lines = ["%-8s %10s %10s %8s %8s   %s" % (
        "", "requests/s", "messages/s", "p50 ms", "p99 ms",
        "CPU, us a message: daemon, Postgres")]
    for kind in kinds:
        row = {k: median(r[kind][k] for r in rounds)
               for k in rounds[0][kind]}
        lines.append("%-8s %10s %10s %8.2f %8.2f   %6.2f %6.2f" % (
            kind, "{:,.0f}".format(row["requests_per_second"]),
            "{:,.0f}".format(row["rate"]), row["p50_ms"], row["p99_ms"],
            row["own_us"], row["postgres_us"]))
    return "\n".join(lines)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--kinds", type=lambda t: t.split(","),
                        default=list(KINDS), metavar="one,hundred,json")
    parser.add_argument("--daemon", metavar="KEY=VALUE", action="append",
                        type=lambda t: tuple(t.partition("=")[::2]),
                        default=[], help="a key of the daemon's file")
    parser.add_argument("--json", metavar="FILE", help="also write it there")
    parser.add_argument("--keep", action="store_true",
                        help="keep the folder with the daemon's log")
    parser.set_defaults(postgres=[])
    return parser.parse_args()


def main():
    options = parse()
    with rigs.Rig(options) as options.rig:
        rounds = []
        for number in range(options.rounds):
            print("round %d of %d" % (number + 1, options.rounds),
                  file=sys.stderr, flush=True)
            rounds.append(one_round(options, number))
    print(as_text(rounds, options.kinds))
    if options.json:
        with open(options.json, "w") as f:
            json.dump(rounds, f, indent=1)


if __name__ == "__main__":
    main()
