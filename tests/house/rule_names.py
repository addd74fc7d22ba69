# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""An exported symbol begins with its file's stem; a stem stands once."""

import os
import subprocess

from collections import defaultdict
from rule_layers import layer_of
from tree import Fault


def faults(tree):
    yield from faults_of_stems(tree)
    for path, symbol in symbols_of(tree):
        stem = os.path.basename(path)[:-2].replace("-", "_")
        if symbol.startswith("__") or symbol == "main":
            continue
        if symbol != stem and not symbol.startswith(stem + "_"):
            yield Fault(path, 1, f"exports {symbol}: begin it with {stem}_")


def faults_of_stems(tree):
    homes = defaultdict(set)
    for path in tree.paths(".c", ".h", ".def"):
        homes[os.path.basename(path).rsplit(".", 1)[0]].add(
            os.path.dirname(path))
    for stem, folders in homes.items():
        if len(folders) > 1:
            yield Fault(f"{sorted(folders)[0]}/{stem}", 1, "the stem stands in "
                        + " and ".join(sorted(folders)))


def symbols_of(tree):
    """(source, exported symbol) of each object of the product."""
    for path in tree.paths(".symbols"):
        for _, symbol in tree.lines(path):
            yield path.replace(".symbols", ".c"), symbol
    if not tree.root:
        return
    sources = [p for p in tree.paths(".c") if layer_of(p)]
    objects = {os.path.join(tree.build or "", p[:-2] + ".o"): p
               for p in sources}
    built = [o for o in objects if os.path.exists(o)]
    if sources and not built:
        yield "configure.c", "no object: build first, give --build DIR"
        return
    listing = subprocess.run(
        ["nm", "-A", "--defined-only", "--extern-only", "--format=posix"]
        + built, stdout=subprocess.PIPE, check=True).stdout.decode()
    for line in listing.splitlines():
        where, _, rest = line.partition(": ")
        yield objects[where], rest.split()[0]


PLANTED = [
    ({"base/io/x.c": "", "base/io/x.symbols": "x_new\nx\n__asan_x\n"}, None),
    ({"base/io/x.c": "", "base/io/x.symbols": "xylophone\n"}, "begin it with"),
    ({"base/io/x.c": "", "base/io/x.symbols": "helper\n"}, "begin it with"),
    ({"base/io/x.c": "", "gateway/x.h": ""}, "stem stands in"),
]
