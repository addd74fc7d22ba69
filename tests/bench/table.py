# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Medians over the rounds, ratios pair by pair, and a table for people."""

from statistics import median

# what, its name, and which it is compared with
ROWS = (
    ("plain", "plain mirror", ()),
    ("transactional", "transactional mirror", ("plain",)),
    ("copy", "COPY, a row a message", ()),
    ("road", "end to end", ("plain", "transactional")),
    ("recorder", "recorder alone", ("copy",)),
    ("forwarder", "forwarder alone", ("transactional",)),
)
COLUMNS = (("own_us", "own"), ("broker_us", "broker"),
           ("postgres_us", "Postgres"))


def ratio(rounds, what, baseline):
    """The median of the rounds' ratios, each within its own round."""
    return median(r[what]["rate"] / r[baseline]["rate"] for r in rounds)


def summary(rounds):
    found = {}
    for what, _, baselines in ROWS:
        keys = sorted(set().union(*(r[what] for r in rounds)))
        found[what] = {k: median(r[what][k] for r in rounds) for k in keys}
        found[what]["ratios"] = {b: ratio(rounds, what, b) for b in baselines}
        found[what]["rates"] = [r[what]["rate"] for r in rounds]
    return found


def as_text(rounds):
    found = summary(rounds)
    lines = ["%-22s %10s %9s  %-34s %s" % (
        "", "msg/s", "seconds", "ratio (rounds: lowest to highest)",
        "CPU us a message: " + ", ".join(c[1] for c in COLUMNS))]
    for what, name, baselines in ROWS:
        row = found[what]
        ratios = []
        for baseline in baselines:
            each = [r[what]["rate"] / r[baseline]["rate"] for r in rounds]
            ratios.append("%.2f of %s (%.2f-%.2f)" % (
                row["ratios"][baseline], baseline, min(each), max(each)))
        cpu = ", ".join("%.2f" % row[k] if k in row else "-"
                        for k, _ in COLUMNS)
        lines.append("%-22s %10s %9.1f  %-34s %s" % (
            name, "{:,.0f}".format(row["rate"]), row["seconds"],
            ratios[0] if ratios else "", cpu))
        lines += [" " * 44 + r for r in ratios[1:]]
    road = found["road"]
    lines.append("")
    lines.append("On disk, bytes a message: %.0f in blocks, %.0f in the whole "
                 "database (COPY: %.0f). A block has %.0f messages, a commit "
                 "%.0f." % (road["block_bytes"], road["database_bytes"],
                            found["copy"]["row_bytes"],
                            road["messages_a_block"],
                            road["messages_a_commit"]))
    return "\n".join(lines)
