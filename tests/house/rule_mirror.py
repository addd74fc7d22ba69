# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A unit test is named for what it tests, is where the tree has it, and is
built."""

import os

from rule_layers import layer_of
from tree import Fault


def faults(tree):
    fragments = "\n".join(tree.text(p) for p in tree.paths("local.mk"))
    for path in tree.paths(".c"):
        name = os.path.basename(path)
        if "%D%/" + name not in fragments and \
                "%D%/" + name[:-2] not in fragments:
            yield Fault(path, 1, "stands in no local.mk")
        mirrored = path[len("tests/"):] if path.startswith("tests/") else ""
        if layer_of(mirrored) and name.startswith("test_"):
            yield from faults_of_test(tree, path, os.path.dirname(mirrored))


def faults_of_test(tree, path, folder):
    noun = os.path.basename(path)[len("test_"):-len(".c")]
    stems = {os.path.basename(p).rsplit(".", 1)[0]
             for p in tree.paths(".c", ".h")
             if os.path.dirname(p) == folder}
    if not any(noun == s or noun.startswith(s + "_") for s in stems):
        yield Fault(path, 1, f"{folder} has no {noun}.c or {noun}.h")


MADE = {"local.mk": "%D%/x.c %D%/test_x %D%/test_y"}
PLANTED = [
    ({**MADE, "contracts/x.c": "", "tests/contracts/test_x.c": ""}, None),
    ({**MADE, "contracts/z.c": ""}, "no local.mk"),
    ({**MADE, "contracts/x.c": "", "tests/contracts/test_y.c": ""},
     "has no y.c"),
]
