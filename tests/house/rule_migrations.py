# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Migrations are numbered without a gap, one noun each; what they make has a
comment."""

import re

from tree import Fault

NAME = re.compile(r"^sql/(\d{4})_[a-z][a-z_]*\.sql$")
MADE = re.compile(r"^\s*create\s+(?:unlogged\s+)?(table|view|type|domain)\s+"
                  r"(?:if\s+not\s+exists\s+)?([\w.]+)(?!\s+partition\s+of)",
                  re.IGNORECASE | re.MULTILINE)


def faults(tree):
    paths = [p for p in tree.paths(".sql")
             if p.startswith("sql/") and p.count("/") == 1
             and p != "sql/policies.sql"]
    expected = 1
    for path in paths:
        match = NAME.match(path)
        if not match:
            yield Fault(path, 1, "is not named NNNN_noun.sql")
            continue
        if int(match.group(1)) != expected:
            yield Fault(path, 1, f"{expected:04d} is missing or stands twice")
        expected = int(match.group(1)) + 1
    for path in tree.paths(".sql"):
        if path.startswith("sql/"):
            yield from faults_of_comments(tree, path)


def faults_of_comments(tree, path):
    text = tree.text(path)
    for made in MADE.finditer(text):
        kind, name = made.groups()
        if not re.search(rf"comment\s+on\s+{kind}\s+{re.escape(name)}\s+is",
                         text, re.IGNORECASE):
            line = text.count("\n", 0, made.start(1)) + 1
            yield Fault(path, line, f"{kind} {name} has no COMMENT ON")


TABLE = "create table x (y int);\n"
COMMENT = "comment on table x is 'what it is';\n"
PLANTED = [
    ({"sql/0001_x.sql": TABLE + COMMENT, "sql/0002_y.sql": ""}, None),
    ({"sql/0001_x.sql": TABLE}, "has no COMMENT ON"),
    ({"sql/0001_x.sql": "", "sql/0003_y.sql": ""}, "0002 is missing"),
    ({"sql/0001_x.sql": "", "sql/0001_y.sql": ""}, "stands twice"),
    ({"sql/1_x.sql": ""}, "is not named"),
]
