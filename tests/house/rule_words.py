# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""No secret, no path of somebody's machine, no host but known ones, and
nothing that is left for later."""

import re

from tree import Fault

# Written so that this file does not hold what it looks for.
DENIED = [
    (r"/(root|home/[a-z]|work|Users)/", "a path of one machine"),
    (r"/tmp/(build|fresh)-", "a path of one machine"),
    (r"-----BEGIN [A-Z ]*PRIVATE[ ]KEY", "a secret"),
    (r"\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b", "a secret"),
    (r"\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}", "a secret"),
    (r"://[^/\s:@\"'<>{}$%]+:[^/\s:@\"'<>{}$%]+@", "a password in an address"),
    (r"\b(TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b", "left for later"),
    (r"\bp[k]ill\b|\bkill[a]ll\b", "ends processes by a broad name"),
    (r"\bissue #?[0-9]+\b", "speaks of a tracker: say the thing itself"),
]
DENIED = [(re.compile(pattern), why) for pattern, why in DENIED]

ADDRESS = re.compile(r"\b(?:https?|ftp)://([A-Za-z0-9.-]+)")
HOSTS = re.compile(
    r"^(localhost|127\.0\.0\.1|0\.0\.0\.0|169\.254\.169\.254|"
    r"([a-z0-9-]+\.)*(example|test|invalid|local)|"
    r"([a-z0-9-]+\.)*example\.(com|org|net)|"
    r"([a-z0-9-]+\.)*(apache|debian|gnu|ietf|rfc-editor|postgresql|iana|"
    r"python|spdx|w3|r-project|unicode|prometheus|json-schema)\.(org|io)|"
    r"[a-z][a-z0-9-]*|github\.com|docs\.confluent\.io)$")
# The licence's own text, and data as others published it.
EXEMPT = re.compile(r"^LICENSE$|\.(csv|rda|avro|bin)$")


def faults(tree):
    for path in tree.paths():
        if EXEMPT.search(path) or not tree.is_text(path):
            continue
        for number, line in tree.lines(path):
            for pattern, why in DENIED:
                found = pattern.search(line)
                if found:
                    yield Fault(path, number, f"{why} ({found.group()})")
            for host in ADDRESS.findall(line):
                if not HOSTS.match(host.rstrip(".")):
                    yield Fault(path, number, f"a host not known ({host})")


PLANTED = [
    ({"x.md": "see https://www.postgresql.org/docs, http://127.0.0.1:1/\n"},
     None),
    ({"x.c": "/" + "root/x\n"}, "path of one machine"),
    ({"x.c": "/" + "tmp/build-x\n"}, "path of one machine"),
    ({"x.pem": "-----BEGIN PRIVATE" + " KEY-----\n"}, "a secret"),
    ({"x.md": "postgres://u:" + "secret@localhost/\n"}, "a password"),
    ({"x.c": "/* TO" + "DO */\n"}, "left for later"),
    ({"x": "p" + "kill x\n"}, "broad name"),
    ({"x.md": "see https:" + "//mirror.corp.internal.net/\n"}, "not known"),
]
