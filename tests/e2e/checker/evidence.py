# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""What there is to judge. A source of evidence is any object with the methods
of Evidence; tests plant their faults by changing what these return."""

from collections import namedtuple

ACCEPTED, REJECTED, DUPLICATE, CONFLICT = range(4)
VERDICTS = ("accepted", "rejected", "duplicate", "conflict")
OUTPUT, DEAD_LETTER, REPLAY = range(3)
ORIGINS = ("kafka", "rest", "file", "plan", "recovered")

# A message as a topic has it.
Message = namedtuple(
    "Message",
    "topic partition offset key value headers timestamp is_append_time")

# A feed: its tenant, its topics, and the output clusters that it goes to.
Feed = namedtuple(
    "Feed", "tenant feed input_cluster input output dead_letter clusters")

# One row of the journal. Lists have one entry a message; headers in the
# journal's own encoding; committed_at in ms, None where nobody knows it;
# dedup_ids None where no message has one.
Block = namedtuple(
    "Block",
    "lane incarnation first_seq count tenant feed committed_at salt keys "
    "bodies headers event_times verdicts contracts partitions sources "
    "source_offsets hashes origin dedup_ids", defaults=(0, None))

# A journal transaction: what it covers, the chain after it, its positions.
Commit = namedtuple(
    "Commit",
    "lane incarnation commit_no first_seq last_seq chain positions")

# Where the messages of a block ended up on a cluster, one entry a message;
# partitions is None where they are the block's.
Delivery = namedtuple(
    "Delivery",
    "cluster kind lane incarnation first_seq count partitions offsets")

# Where messages came from; tenant and feed None where nobody knows them.
Source = namedtuple("Source", "id kind cluster topic partition tenant feed",
                    defaults=(None, None))

# To which message one refers, and why: "duplicate", "conflict" or "late".
Reference = namedtuple(
    "Reference",
    "lane incarnation seq of_lane of_incarnation of_seq kind")

# A progress record.
Progress = namedtuple(
    "Progress", "partition offset lane incarnation epoch seq chain")


class Evidence:
    """Everything is yielded in the order in which it is stored."""

    lanes = None           # how many there are; None: not known, not judged
    is_quiet = True        # nothing is under way: what is missing is lost
    is_leak_checked = True

    def feeds(self):
        return []

    def sources(self):
        """id -> Source"""
        return {}

    def blocks(self):
        """Blocks by (lane, incarnation, first_seq)."""
        return iter(())

    def commits(self):
        """Commits by (lane, incarnation, commit_no)."""
        return iter(())

    def deliveries(self):
        return iter(())

    def violated(self):
        """(lane, incarnation, seq) of each message with a violation row."""
        return iter(())

    def references(self):
        return iter(())

    def inputs(self, feed):
        return iter(())

    def outputs(self, cluster, feed, committed=True):
        return iter(())

    def dead_letters(self, cluster, feed, committed=True):
        return iter(())

    def progress(self, cluster):
        return iter(())
