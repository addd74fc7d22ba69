# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Each local link of a page leads to a file, and its anchor to a heading."""

import os
import re

from tree import Fault

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`[^`]*`")
HEADING = re.compile(r"^#+\s+(.*)")


def anchors_of(text):
    found = set()
    for line in text.splitlines():
        heading = HEADING.match(line)
        if heading:
            words = re.sub(r"[^\w\- ]", "", heading.group(1).lower())
            found.add(words.strip().replace(" ", "-"))
    return found


def faults(tree):
    folders = set(tree.folders())
    for path in tree.paths(".md"):
        fenced = False
        for number, line in tree.lines(path):
            if line.lstrip().startswith("```"):
                fenced = not fenced
            if fenced:
                continue
            for target in LINK.findall(CODE.sub("", line)):
                why = fault_of_link(tree, folders, path, target)
                if why:
                    yield Fault(path, number, f"{target} {why}")


def fault_of_link(tree, folders, path, target):
    if re.match(r"^[a-z]+:", target):
        return None
    name, _, anchor = target.partition("#")
    full = path if not name else os.path.normpath(
        os.path.join(os.path.dirname(path), name))
    if full not in tree.files and full not in folders:
        return "leads nowhere"
    if anchor and full.endswith(".md"):
        if anchor not in anchors_of(tree.text(full)):
            return "names no heading"
    return None


PLANTED = [
    ({"a.md": "[x](d/b.md#the-end) [y](d/) [z](https://example.org)",
      "d/b.md": "# The end\n"}, None),
    ({"a.md": "[x](b.md)"}, "leads nowhere"),
    ({"a.md": "[x](#nothing)\n# Something\n"}, "names no heading"),
    ({"d/a.md": "[x](b.md)", "b.md": ""}, "leads nowhere"),
]
