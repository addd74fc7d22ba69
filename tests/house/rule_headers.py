# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A header is guarded by #pragma once and nothing else."""

import re

from tree import Fault

OLD_GUARD = re.compile(r"^\s*#\s*ifndef\s+\w+_H_*\s*$")


def faults(tree):
    for path in tree.paths(".h"):
        code = [line for _, line in tree.lines(path)
                if line.strip() and not line.startswith(("/*", " *"))]
        if not code or code[0] != "#pragma once":
            yield Fault(path, 1, "does not begin with #pragma once")
        for number, line in tree.lines(path):
            if OLD_GUARD.match(line):
                yield Fault(path, number, "a guard besides #pragma once")


PLANTED = [
    ({"x.h": "/* licence */\n#pragma once\n\n/*\n * what\n */\nint x;\n"},
     None),
    ({"x.h": "/* licence */\nint x;\n"}, "#pragma once"),
    ({"x.h": "#pragma once\n#ifndef X_H\n#endif\n"}, "a guard besides"),
]
