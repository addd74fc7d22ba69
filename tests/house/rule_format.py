# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""C is as clang-format lays it; scripts are as shellcheck and Python take
them."""

import ast
import os
import re
import subprocess

from tree import Fault

SAID = re.compile(r"^(?P<path>[^:]+):(?P<line>\d+):\d+: (?P<text>.*)")
SHELL = re.compile(r"^#! ?(/usr)?/bin/(env )?(ba|da)?sh\b")


def faults(tree):
    root, remove = tree.on_disk()
    try:
        sources = tree.paths(".c", ".h")
        shells = [p for p in tree.paths() if SHELL.match(tree.text(p))]
        if sources:
            style = os.path.join(os.path.dirname(os.path.dirname(
                os.path.dirname(os.path.abspath(__file__)))), ".clang-format")
            yield from said_by(root, ["clang-format", "--dry-run",
                               f"--style=file:{style}"], sources)
        if shells:
            yield from said_by(root, ["shellcheck", "--format=gcc",
                                      "--external-sources",
                                      "--source-path=SCRIPTDIR"], shells)
    finally:
        remove()
    for path in tree.paths():
        if path.endswith(".py") or "python" in tree.text(path)[:40]:
            try:
                ast.parse(tree.text(path), path)
            except SyntaxError as wrong:
                yield Fault(path, wrong.lineno, wrong.msg)


def said_by(root, command, paths):
    try:
        done = subprocess.run(command + paths, cwd=root, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except FileNotFoundError:
        yield Fault(command[0], 0, "is not installed")
        return
    told = False
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        match = SAID.match(line)
        if match:
            told = True
            yield Fault(match["path"], match["line"], match["text"])
    if done.returncode != 0 and not told:
        yield Fault(command[0], 0, done.stdout.decode("utf-8", "replace"))


PLANTED = [
    ({"x.c": "int\nx_take(void)\n{\n\treturn 1;\n}\n"}, None),
    ({"x.c": "int x_take(void) {\n  return 1;\n}\n"}, "clang-format"),
    ({"x": '#!/bin/sh\necho "$1"\n'}, None),
    ({"x": "#!/bin/sh\nrm $1/x\n"}, "SC2086"),
    ({"x.py": "def x(:\n"}, "invalid syntax"),
]
