# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Each source says in its first lines whose it is; what starts with #! can be
run."""

import os

from tree import Fault

SAYS = "Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0"
ENDS = (".c", ".h", ".def", ".py", ".sh", ".sql", "configure.ac",
        "Makefile.am")


def faults(tree):
    for path in tree.paths():
        script = tree.is_script(path)
        if script or path.endswith(ENDS):
            head = tree.text(path).splitlines()[:3]
            if not any(SAYS in line for line in head):
                yield Fault(path, 1, f"does not say: {SAYS}")
        if tree.root and script and not os.access(
                os.path.join(tree.root, path), os.X_OK):
            yield Fault(path, 1, "starts with #! and has no run bit")


PLANTED = [
    ({"x.c": f"/* {SAYS} */\n", "x": f"#!/bin/sh\n# {SAYS}\n"}, None),
    ({"x.c": "int x;\n"}, "does not say"),
    ({"x": "#!/bin/sh\n"}, "does not say"),
    ({"x.sql": f"\n\n\n-- {SAYS}\n"}, "does not say"),
]
