# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The journal of one (lane, incarnation), in columns indexed by seq - 1: a
million messages take some 100 MB."""

from array import array

HOLE = 255


class Place:
    """Where on one cluster the messages of a ledger were seen."""

    def __init__(self):
        self.partitions = array("i")
        self.offsets = array("q")

    def put(self, seq, partition, offset):
        missing = seq - len(self.offsets)
        if missing > 0:
            self.partitions.extend([-1] * missing)
            self.offsets.extend([-1] * missing)
        self.partitions[seq - 1] = partition
        self.offsets[seq - 1] = offset

    def get(self, seq):
        """(partition, offset), or None when it was not seen."""
        if seq > len(self.offsets) or self.offsets[seq - 1] < 0:
            return None
        return self.partitions[seq - 1], self.offsets[seq - 1]


class Ledger:
    def __init__(self, number, lane, incarnation):
        self.number = number
        self.lane = lane
        self.incarnation = incarnation
        self.digests = []
        self.verdicts = bytearray()
        self.partitions = array("i")
        self.source_ids = array("i")
        self.source_offsets = array("q")
        self.dedup_ids = {}    # by seq; few have one
        self.block_of = array("i")
        self.blocks = []       # (first_seq, count, tenant, feed, hashes)
        self.committed = []    # of each block: ms or None
        self.feeds = []        # of each block: (tenant, feed)
        self.places = {}       # (cluster, kind) -> Place
        self.commits = []      # Commit, in order

    @property
    def last_seq(self):
        return len(self.digests)

    def name(self, seq):
        return "%d-%d-%d" % (self.lane, self.incarnation, seq)

    def pad_to(self, seq):
        """Makes room for seqs that the journal lacks."""
        missing = seq - 1 - self.last_seq
        self.digests.extend([None] * missing)
        self.verdicts.extend([HOLE] * missing)
        for column in (self.partitions, self.source_ids, self.source_offsets,
                       self.block_of):
            column.extend([-1] * missing)

    def has(self, seq):
        return 0 < seq <= self.last_seq and self.verdicts[seq - 1] != HOLE

    def feed_of(self, seq):
        return self.feeds[self.block_of[seq - 1]]

    def committed_at(self, seq):
        return self.committed[self.block_of[seq - 1]]

    def place(self, cluster, kind):
        return self.places.setdefault((cluster, kind), Place())

    def chain_at(self, seq):
        """The chains that a progress record which stands at SEQ may bear."""
        from bisect import bisect_left
        n = bisect_left([c.last_seq for c in self.commits], seq)
        if n == len(self.commits):
            return []
        exact = self.commits[n]
        if exact.last_seq == seq or n == 0:
            return [exact.chain]
        return [exact.chain, self.commits[n - 1].chain]
