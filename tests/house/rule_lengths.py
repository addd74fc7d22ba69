# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A file has about 500 lines and at most 700; a function about 60."""

import sys

from tree import Fault

FILE_LINES_MAX = 700
FUNCTION_LINES_TOLD = 80
FUNCTION_LINES_MAX = 150


def functions_of(tree, path):
    """(name, first line, count) of each function, as the format lays it."""
    name, begin = None, None
    for number, line in tree.lines(path):
        if line == "{" and name:
            begin = number
        elif line == "}" and begin:
            yield name.split("(")[0], begin, number - begin - 1
            name, begin = None, None
        elif not begin and line and line[0].isalpha() and "(" in line:
            name = line


def faults(tree):
    for path in tree.paths(".c", ".h", ".py", ".sh", ".sql"):
        count = len(tree.text(path).splitlines())
        if count > FILE_LINES_MAX:
            yield Fault(path, count, f"{count} lines; split it by its nouns")
    for path in tree.paths(".c"):
        for name, line, count in functions_of(tree, path):
            if count > FUNCTION_LINES_MAX:
                yield Fault(path, line, f"{name}: {count} lines")
            elif count > FUNCTION_LINES_TOLD and tree.root:
                print(f"    note: {path}:{line}: {name}: {count} lines",
                      file=sys.stderr)


def planted(count):
    return "static int\nx_take(int a)\n{\n" + "\ta++;\n" * count + "}\n"


PLANTED = [
    ({"x.c": planted(60)}, None),
    ({"x.c": planted(200)}, "x_take: 200 lines"),
    ({"x.c": "\n" * 701}, "split it"),
]
