# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The tree as the rules see it: paths and texts, from a folder or planted."""

import os
import subprocess
import tempfile
from collections import namedtuple

Fault = namedtuple("Fault", "path line text")

# Without git (a release's tarball), what a build leaves is told by its name.
BUILT_FOLDERS = {".git", "autom4te.cache", "build-aux", "build", "__pycache__",
                 ".deps", ".pytest_cache"}
BUILT_NAMES = {"configure", "configure~", "aclocal.m4", "config.h.in",
               "Makefile.in"}
BUILT_ENDS = (".o", ".a", ".pyc", ".log", ".trs")


class Tree:
    """A set of files. root and build are None where the files are planted."""

    def __init__(self, files, root=None, build=None):
        self.files = files
        self.root = root
        self.build = build

    def paths(self, *ends):
        return sorted(p for p in self.files if not ends or p.endswith(ends))

    def text(self, path):
        if self.files[path] is None:
            with open(os.path.join(self.root, path), "rb") as f:
                self.files[path] = f.read().decode("utf-8", "replace")
        return self.files[path]

    def lines(self, path):
        return enumerate(self.text(path).splitlines(), 1)

    def folders(self):
        found = set()
        for path in self.files:
            folder = os.path.dirname(path)
            while folder:
                found.add(folder)
                folder = os.path.dirname(folder)
        return sorted(found)

    def is_script(self, path):
        return self.text(path).startswith("#!")

    def is_text(self, path):
        return "\0" not in self.text(path)

    def on_disk(self):
        """A folder that holds the files, and what removes it afterwards."""
        if self.root:
            return self.root, lambda: None
        folder = tempfile.TemporaryDirectory(prefix="waybill-house.")
        for path, text in self.files.items():
            full = os.path.join(folder.name, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as f:
                f.write(text)
        return folder.name, folder.cleanup


def tree_of_folder(root, build):
    listing = subprocess.run(
        ["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
    ) if os.path.exists(os.path.join(root, ".git")) else None
    if listing is not None and listing.returncode == 0:
        names = listing.stdout.decode().split("\0")
        names = [n for n in names if n]
    else:
        names = list(walk(root))
    return Tree({n: None for n in names
                 if os.path.isfile(os.path.join(root, n))}, root, build)


def walk(root):
    for folder, below, names in os.walk(root):
        below[:] = [b for b in below if b not in BUILT_FOLDERS]
        for name in names:
            if name not in BUILT_NAMES and not name.endswith(BUILT_ENDS):
                yield os.path.relpath(os.path.join(folder, name), root)
