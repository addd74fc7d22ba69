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
NAMES = {what: name for what, name, _ in ROWS}
COLUMNS = (("own_us", "own"), ("broker_us", "broker"),
           ("postgres_us", "Postgres"))


def cpu(row):
    """What a message costs in all, in microseconds."""
    return sum(row.get(k, 0) for k, _ in COLUMNS)


def ratios(rounds, what, baseline):
    """Of each round, within itself: of the rates, and of the CPU a message.
    The second is what the first would be where nothing but CPU is scarce;
    others on the machine disturb it less."""
    return ([r[what]["rate"] / r[baseline]["rate"] for r in rounds],
            [cpu(r[baseline]) / cpu(r[what]) for r in rounds])


def summary(rounds):
    found = {}
    for what, _, baselines in ROWS:
        keys = sorted(set().union(*(r[what] for r in rounds)))
        found[what] = {k: median(r[what][k] for r in rounds) for k in keys}
        found[what]["cpu_us"] = median(cpu(r[what]) for r in rounds)
        for baseline in baselines:
            rate, used = ratios(rounds, what, baseline)
            found[what]["to_" + baseline] = {
                "rate": median(rate), "lowest": min(rate),
                "highest": max(rate), "cpu": median(used)}
    return found


def as_text(rounds):
    found = summary(rounds)
    lines = ["%-22s %9s %8s   %s" % (
        "", "msg/s", "seconds", "CPU, us a message: " +
        ", ".join(c[1] for c in COLUMNS) + ", all")]
    for what, name, baselines in ROWS:
        row = found[what]
        used = ["%.2f" % row[k] if k in row else "-" for k, _ in COLUMNS]
        lines.append("%-22s %9s %8.1f   %s" % (
            name, "{:,.0f}".format(row["rate"]), row["seconds"],
            "  ".join("%5s" % u for u in used + ["%.2f" % row["cpu_us"]])))
    lines += ["", "%-46s %6s %14s   %s" % (
        "ratios, pair by pair", "median", "lowest-highest", "by CPU")]
    for what, name, baselines in ROWS:
        for baseline in baselines:
            one = found[what]["to_" + baseline]
            lines.append("%-46s %6.2f %14s   %6.2f" % (
                "%s to %s" % (name, NAMES[baseline]), one["rate"],
                "%.2f-%.2f" % (one["lowest"], one["highest"]), one["cpu"]))
    road = found["road"]
    lines.append("")
    lines.append("On disk, bytes a message: %.0f in blocks, %.0f in the whole "
                 "database (COPY: %.0f). A block has %.0f messages, a commit "
                 "%.0f." % (road["block_bytes"], road["database_bytes"],
                            found["copy"]["row_bytes"],
                            road["messages_a_block"],
                            road["messages_a_commit"]))
    return "\n".join(lines)
