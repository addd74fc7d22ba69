# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A folder includes only those beneath it, by their path from the root."""

import os
import re

from tree import Fault

# From the ground up; what tests the whole may include everything. An example is
# a program of its own.
BASE = ["base/runtime", "base/io", "base/model"]
BENEATH = {
    "base/runtime": [],
    "base/io": BASE[:1],
    "base/model": BASE[:2],
    "contracts": BASE,
    "alerting": BASE + ["contracts"],
    "planner": BASE + ["contracts"],
    "replay": BASE + ["contracts"],
    "gateway": BASE + ["contracts", "alerting", "planner", "replay"],
    "examples": [],
}
EVERYTHING = list(BENEATH)
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def layer_of(path):
    """The layer that a path from the root is in, or None."""
    for layer in BENEATH:
        if path.startswith(layer + "/"):
            return layer
    return None


def allowed_of(path):
    """The layers that a file may include, or None: it has no place."""
    layer = layer_of(path)
    if layer:
        return BENEATH[layer] + [layer]
    if not path.startswith("tests/"):
        return None
    mirrored = layer_of(path[len("tests/"):])
    if mirrored:
        return BENEATH[mirrored] + [mirrored]
    return EVERYTHING


def faults(tree):
    for path in tree.paths(".c", ".h"):
        allowed = allowed_of(path)
        if allowed is None:
            yield Fault(path, 1, "is in no folder that has a layer")
            continue
        yield from faults_of_includes(tree, path, allowed)
        yield from faults_of_order(tree, path)


def faults_of_includes(tree, path, allowed):
    for number, line in tree.lines(path):
        include = INCLUDE.match(line)
        if not include:
            continue
        kind, name = include.groups()
        if name == "config.h":
            yield Fault(path, number, "config.h comes by -include")
        if kind == "<":
            continue
        if name not in tree.files:
            yield Fault(path, number, f'"{name}" is no path from the root')
        elif name.startswith("tests/"):
            if not path.startswith("tests/"):
                yield Fault(path, number, "the product includes a test")
        elif layer_of(name) not in allowed:
            yield Fault(path, number, f'"{name}" is not beneath')


def faults_of_order(tree, path):
    header = path[:-2] + ".h"
    if not path.endswith(".c") or header not in tree.files:
        return
    for number, line in tree.lines(path):
        include = INCLUDE.match(line)
        if include:
            if include.group(2) != header:
                yield Fault(path, number, f'does not include "{header}" first')
            return
    yield Fault(path, 1, f'does not include "{os.path.basename(header)}"')


LOW, HIGH = "base/runtime/low.h", "base/model/high.h"
PLANTED = [
    ({LOW: "", HIGH: f'#include "{LOW}"\n'}, None),
    ({LOW: f'#include "{HIGH}"\n', HIGH: ""}, "is not beneath"),
    ({"gateway/g.h": "", "contracts/c.c": '#include "gateway/g.h"\n'},
     "is not beneath"),
    ({HIGH: "", "tests/base/io/test_x.c": f'#include "{HIGH}"\n'},
     "is not beneath"),
    ({"gateway/g.h": "", "tests/bench/b.c": '#include "gateway/g.h"\n'}, None),
    ({LOW: "", "base/runtime/a.c": '#include "low.h"\n'}, "no path from"),
    ({"tests/unit.h": "", LOW: '#include "tests/unit.h"\n'}, "a test"),
    ({LOW: "#include <config.h>\n"}, "by -include"),
    ({"elsewhere/x.c": ""}, "no folder that has a layer"),
    ({LOW: "", "base/runtime/low.c": "#include <stdio.h>\n"
      f'#include "{LOW}"\n'}, "first"),
]
