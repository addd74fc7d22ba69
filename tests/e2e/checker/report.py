# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The verdict of a check, for people and for programs."""

from .anomalies import ANOMALIES
from .evidence import ACCEPTED, DUPLICATE, REJECTED, VERDICTS


def as_json(check):
    return {
        "ok": not check.findings,
        "feeds": [{
            "tenant": tenant, "feed": feed, "read": c.read,
            "recorded": c.recorded,
            "verdicts": dict(zip(VERDICTS, c.verdicts)),
            "forwarded": c.forwarded, "dead_letters": c.dead_letters,
        } for (tenant, feed), c in sorted(check.counts.items())],
        "lanes": [{"lane": g.lane, "incarnation": g.incarnation,
                   "last_seq": g.last_seq, "commits": len(g.commits)}
                  for g in check.numbered],
        "anomalies": [{"name": name, "count": count,
                       "meaning": ANOMALIES[name],
                       "examples": check.findings.examples[name]}
                      for name, count in check.findings.counts.items()],
    }


HEAD = "%-24s %10s %10s %10s %10s %10s   %s"


def as_table(check):
    lines = [HEAD % ("feed", "in", "recorded", "accepted", "rejected",
                     "duplicate", "forwarded + dead letters")]
    for (tenant, feed), c in sorted(check.counts.items()):
        out = ", ".join("%s: %d + %d" % (k, c.forwarded[k],
                                         c.dead_letters.get(k, 0))
                        for k in sorted(c.forwarded))
        lines.append(HEAD % ("%s/%s" % (tenant, feed), c.read, c.recorded,
                             c.verdicts[ACCEPTED], c.verdicts[REJECTED],
                             c.verdicts[DUPLICATE], out))
    for name, count in check.findings.counts.items():
        lines.append("")
        lines.append("%s (%d): %s" % (name, count, ANOMALIES[name]))
        lines.extend("    " + e for e in check.findings.examples[name])
    lines.append("")
    lines.append("%d anomalies" % sum(check.findings.counts.values())
                 if check.findings else
                 "everything adds up: in = forwarded + rejected + duplicate, "
                 "each by its id")
    return "\n".join(lines)
