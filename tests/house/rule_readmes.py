# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Each folder has its README.md of one screen, or is told of in the one
above."""

import os

from tree import Fault

LINES_MAX = 60
WIDTH_MAX = 110
EXEMPT = {".ci"}


def faults(tree):
    for folder in [""] + tree.folders():
        readme = os.path.join(folder, "README.md")
        if readme in tree.files:
            yield from faults_of_length(tree, folder, readme)
        elif not (folder in EXEMPT or mirrors(tree, folder)
                  or told_above(tree, folder)):
            yield Fault(folder, 1, "has no README.md")


def mirrors(tree, folder):
    return (folder.startswith("tests/")
            and folder[len("tests/"):] in tree.folders())


def told_above(tree, folder):
    above, rest = os.path.split(folder)
    while True:
        readme = os.path.join(above, "README.md")
        if readme in tree.files:
            first = rest.split("/")[0]
            return bool(above) and first + "/" in tree.text(readme)
        if not above:
            return False
        above, name = os.path.split(above)
        rest = os.path.join(name, rest)


def faults_of_length(tree, folder, readme):
    count = len(tree.text(readme).splitlines())
    if folder and count > LINES_MAX:
        yield Fault(readme, count, f"{count} lines are more than a screen")
    for number, line in tree.lines(readme):
        if len(line) > WIDTH_MAX and not line.startswith("|"):
            yield Fault(readme, number, f"wider than {WIDTH_MAX} columns")


PLANTED = [
    ({"README.md": "", "x/README.md": "`y/`: files", "x/y/z.c": ""}, None),
    ({"README.md": "", "tests/README.md": "", "a/README.md": "",
      "tests/a/t.c": ""}, None),
    ({"README.md": "x/", "x/z.c": ""}, "has no README.md"),
    ({"README.md": "", "x/README.md": "", "x/y/z.c": ""}, "has no README.md"),
    ({"README.md": "", "x/README.md": "\n" * 61}, "more than a screen"),
]
