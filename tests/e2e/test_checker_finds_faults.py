# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The checker is believed because it fails when it must: each fault below is
planted in a world that is right, and must be found under its name."""

import pytest

from checker.anomalies import ANOMALIES
from checker.check import Check
from checker.fake import Fake
from checker.report import as_json, as_table


def found(world):
    return Check(world).run().findings.names


def out(world, cluster="b", topic="us.out"):
    return world.topics[cluster, topic]


def edit(rows, n, **changes):
    rows[n] = rows[n]._replace(**changes)


def renumber(message, identity):
    return message._replace(headers=tuple(
        (k, identity if k == "waybill-id" else v)
        for k, v in message.headers))


# -- the faults: each takes the world and spoils it -------------------------

def dropped(w):
    del out(w)[17]


def dropped_dead_letter(w):
    del out(w, topic="us.dead")[3]


def doubled(w):
    log = out(w)
    log.append(log[9]._replace(offset=90000))


def swapped(w):
    log = out(w)
    a, b = log[10], log[11]
    assert a.partition == b.partition
    log[10] = b._replace(offset=a.offset)
    log[11] = a._replace(offset=b.offset)


def changed_body(w):
    edit(out(w), 30, value=b"body us 0 30!")


def changed_key(w):
    edit(out(w), 30, key=b"other")


def changed_header(w):
    edit(out(w), 30, headers=(("trace", b"x"),) + out(w)[30].headers)


def null_key_became_empty(w):
    log = out(w)
    n = next(i for i, m in enumerate(log) if m.key is None)
    edit(log, n, key=b"")


def wrong_partition(w):
    edit(out(w), 30, partition=(out(w)[30].partition + 1) % 4)


def gap_in_seq(w):
    del w.block_list[4]


def overlapping_block(w):
    w.block_list.insert(5, w.block_list[4])


def lost_commit_row(w):
    del w.commit_list[2]


def changed_journal(w):
    bodies = list(w.block_list[3].bodies)
    bodies[2] = b"rewritten"
    edit(w.block_list, 3, bodies=bodies)


def changed_verdict(w):
    block = w.block_list[3]
    verdicts = list(block.verdicts)
    verdicts[verdicts.index(0)] = 2
    edit(w.block_list, 3, verdicts=verdicts)


def chain_off(w):
    edit(w.commit_list, 3, chain=bytes(32))


def never_recorded(w):
    log = out(w)
    log.append(renumber(log[-1], b"0-1-99999")._replace(offset=90000))


def aborted_but_unrecorded(w):
    log = out(w)
    w.aborted["b", "us.out"] = [renumber(log[-1], b"1-1-99999")]


def before_commit(w):
    edit(out(w), 30, timestamp=out(w)[30].timestamp - 60000)


def aborted_before_commit(w):
    early = out(w)[30]
    w.aborted["b", "us.out"] = [
        early._replace(timestamp=early.timestamp - 60000)]


def input_ignored(w):
    log = w.topics["a", "us.in"]
    log.append(log[-1]._replace(offset=log[-1].offset + 1))


def input_changed(w):
    edit(w.topics["a", "us.in"], 30, value=b"something else")


def input_invented(w):
    del w.topics["a", "us.in"][30]


def recorded_twice(w):
    block = w.block_list[8]
    offsets = list(block.source_offsets)
    offsets[1] = offsets[0]
    edit(w.block_list, 8, source_offsets=offsets)


def foreign(w):
    edit(out(w), 30, headers=())


def rejected_on_output(w):
    dead = out(w, topic="us.dead")[2]
    out(w).append(dead._replace(topic="us.out", offset=90000))


def other_tenants_topic(w):
    out(w, topic="nl.out").append(out(w)[30]._replace(
        topic="nl.out", offset=90000))


def without_reasons(w):
    log = out(w, topic="us.dead")
    edit(log, 2, headers=tuple((k, b"[]" if k == "waybill-violations" else v)
                               for k, v in log[2].headers))


def without_violation_row(w):
    del w.violated_list[5]


def duplicate_of_nothing(w):
    del w.reference_list[0]


def duplicate_of_a_later_one(w):
    first = w.reference_list[0]
    edit(w.reference_list, 0, of_seq=first.seq + 1)


def accepted_called_duplicate(w):
    first = w.reference_list[0]
    edit(w.reference_list, 0, seq=first.seq - 1)


def by_rest_with_a_partition(w):
    edit(w.block_list, 4, origin=1)


def lying_delivery(w):
    rows = w.delivery_list[0]
    offsets = list(rows.offsets)
    n = next(i for i, o in enumerate(offsets) if o is not None)
    offsets[n] += 2
    edit(w.delivery_list, 0, offsets=offsets)


def lying_delivery_partition(w):
    n = next(i for i, d in enumerate(w.delivery_list) if d.partitions)
    edit(w.delivery_list, n,
         partitions=[p + 1 for p in w.delivery_list[n].partitions])


def no_delivery(w):
    del w.delivery_list[0]


def progress_backwards(w):
    rows = w.progress_list["b"]
    assert rows[2].lane == rows[3].lane
    rows[2], rows[3] = rows[3], rows[2]


def progress_of_another_history(w):
    edit(w.progress_list["b"], 2, chain=bytes(32))


def progress_ahead(w):
    last = w.progress_list["b"][-1]
    w.progress_list["b"].append(last._replace(seq=last.seq + 100))


def visible_without_progress(w):
    w.progress_list["b"] = [p for p in w.progress_list["b"]
                            if p.lane == 1 or p.seq < 100]


def position_too_low(w):
    commit = w.commit_list[1]
    source, following = commit.positions[0]
    edit(w.commit_list, 1,
         positions=[(source, following - 3)] + commit.positions[1:])


def wrong_source_header(w):
    edit(out(w), 30, headers=tuple(
        (k, b"us.in/0/99" if k == "waybill-source" else v)
        for k, v in out(w)[30].headers))


def wrong_lane(w):
    w.lanes = 3


FAULTS = [
    (dropped, "lost"),
    (dropped_dead_letter, "lost"),
    (doubled, "duplicate"),
    (swapped, "reordered"),
    (changed_body, "changed"),
    (changed_key, "changed"),
    (changed_header, "changed"),
    (null_key_became_empty, "changed"),
    (wrong_source_header, "changed"),
    (input_changed, "changed"),
    (wrong_partition, "misplaced"),
    (wrong_lane, "misplaced"),
    (gap_in_seq, "gap"),
    (overlapping_block, "gap"),
    (lost_commit_row, "gap"),
    (changed_journal, "chain-broken"),
    (changed_verdict, "chain-broken"),
    (chain_off, "chain-broken"),
    (never_recorded, "unrecorded"),
    (aborted_but_unrecorded, "unrecorded"),
    (progress_ahead, "unrecorded"),
    (before_commit, "forwarded-early"),
    (aborted_before_commit, "forwarded-early"),
    (input_ignored, "unseen"),
    (input_invented, "invented"),
    (recorded_twice, "recorded-twice"),
    (recorded_twice, "inconsistent-offsets"),
    (foreign, "foreign"),
    (rejected_on_output, "wrong-verdict"),
    (other_tenants_topic, "wrong-tenant"),
    (without_reasons, "no-reasons"),
    (without_violation_row, "no-reasons"),
    (duplicate_of_nothing, "wrong-reference"),
    (duplicate_of_a_later_one, "wrong-reference"),
    (accepted_called_duplicate, "wrong-reference"),
    (by_rest_with_a_partition, "misplaced"),
    (lying_delivery, "wrong-delivery"),
    (lying_delivery_partition, "wrong-delivery"),
    (no_delivery, "missing-delivery"),
    (progress_backwards, "wrong-progress"),
    (progress_of_another_history, "wrong-progress"),
    (visible_without_progress, "aborted-read"),
    (position_too_low, "wrong-position"),
    (dropped, "miscounted"),
    (input_ignored, "miscounted"),
]


def test_a_right_world_passes():
    check = Check(Fake()).run()
    assert not check.findings, as_table(check)
    counts = check.counts["us", "sales"]
    assert counts.read == counts.recorded == 200
    assert counts.forwarded["a"] + counts.dead_letters["a"] + \
        counts.verdicts[2] == counts.read


@pytest.mark.parametrize(
    "fault, name", FAULTS,
    ids=["%s-is-%s" % (f.__name__.replace("_", "-"), n) for f, n in FAULTS])
def test_finds(fault, name):
    world = Fake()
    fault(world)
    assert name in found(world)


def test_each_anomaly_has_its_fault():
    assert {name for _, name in FAULTS} == set(ANOMALIES)


def test_some_faults_are_found_under_one_name_only():
    """No chorus of false alarms where one thing is wrong."""
    for fault, names in ((doubled, {"duplicate", "reordered", "miscounted"}),
                         (changed_body, {"changed"}),
                         (chain_off, {"chain-broken", "wrong-progress"}),
                         (lying_delivery, {"wrong-delivery"}),
                         (before_commit, {"forwarded-early"})):
        world = Fake()
        fault(world)
        assert found(world) <= names, fault.__name__


def test_what_is_under_way_is_not_lost():
    world = Fake()
    dropped(world)
    input_ignored(world)
    world.is_quiet = False
    assert not found(world)


def test_an_acknowledged_message_must_be_there():
    check = Check(Fake()).run()
    check.judge_sent([("us.in", 0, 3), ("us.in", 0, 90000)])
    assert check.findings.counts == {"unseen": 1}


def test_the_report_names_what_it_found():
    world = Fake()
    doubled(world)
    check = Check(world).run()
    assert "duplicate (1)" in as_table(check)
    assert not as_json(check)["ok"]
