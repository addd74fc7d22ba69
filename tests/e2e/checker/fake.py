# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A small world in which everything is right, to plant faults in: two tenants,
two lanes, two output clusters, some 400 messages. All lists may be changed."""

import hashlib
import json

from . import encoding
from .evidence import (ACCEPTED, DEAD_LETTER, DUPLICATE, OUTPUT, REJECTED,
                       Block, Commit, Delivery, Evidence, Feed, Message,
                       Progress, Reference, Source)

PARTITIONS = 4
COMMITTED_AT = 1_700_000_000_000


class Fake(Evidence):
    lanes = 2

    def __init__(self, clusters=("a", "b"), messages=100, block=10,
                 offset_step=2):
        """messages: of each partition of the first feed, and half of it in
        the second; offset_step: 2, as if each were a transaction of its own.
        """
        self.clusters = clusters
        self.messages = messages
        self.block = block
        self.offset_step = offset_step
        self.ends = {}        # (cluster, topic, partition) -> next offset
        self.inputs_at = {}   # (topic, partition, offset) -> Message
        self.feed_list = [
            Feed(t, "sales", "a", t + ".in", t + ".out", t + ".dead",
                 self.clusters) for t in ("nl", "us")]
        self.source_map = {}
        self.topics = {}      # (cluster, topic) -> [Message]
        self.aborted = {}     # (cluster, topic) -> [Message]
        self.block_list = []
        self.commit_list = []
        self.delivery_list = []
        self.violated_list = []
        self.reference_list = []
        self.progress_list = {c: [] for c in self.clusters}
        self._fill()

    # -- making it -----------------------------------------------------------

    def _fill(self):
        per_lane = {0: [], 1: []}
        for f, feed in enumerate(self.feed_list):
            for partition in range(PARTITIONS):
                number = len(self.source_map) + 1
                self.source_map[number] = Source(number, "kafka", "a",
                                                 feed.input, partition)
                lane = encoding.lane_of(feed.tenant, feed.feed, partition, 2)
                rows = [self._input(feed, partition, n)
                        for n in range(self.messages // (f + 1))]
                for n in range(0, len(rows), self.block):
                    per_lane[lane].append((feed, number,
                                           rows[n:n + self.block]))
        for lane, blocks in per_lane.items():
            self._record(lane, blocks)

    def _input(self, feed, partition, n):
        headers = (("trace", b"%d" % n),) if n % 7 == 0 else ()
        m = Message(feed.input, partition, n, None if n % 31 == 3 else
                    b"key-%d" % (n % 11), b"body %s %d %d" % (
                        feed.tenant.encode(), partition, n),
                    headers, COMMITTED_AT - 1000, False)
        self.topics.setdefault(("a", feed.input), []).append(m)
        self.inputs_at[feed.input, partition, n] = m
        return m

    def _record(self, lane, blocks):
        seq, chain, commit_no = 1, encoding.CHAIN_START, 0
        blocks.sort(key=lambda b: b[2][0].offset)
        for start in range(0, len(blocks), 3):
            first, covered = seq, []
            commit_no += 1
            for feed, source, rows in blocks[start:start + 3]:
                block = self._block(lane, seq, feed, source, rows)
                self.block_list.append(block)
                covered.append((seq, len(rows), feed.tenant, feed.feed,
                                block.hashes))
                for cluster in self.clusters:
                    self._forward(cluster, feed, block)
                seq += len(rows)
            chain = encoding.chain(chain, lane, 1, commit_no, first, seq - 1,
                                   covered)
            self.commit_list.append(Commit(
                lane, 1, commit_no, first, seq - 1, chain,
                list({s: rows[-1].offset + 1
                      for _, s, rows in blocks[start:start + 3]}.items())))
            for cluster in self.clusters:
                self.progress_list[cluster].append(Progress(
                    lane, 2 * commit_no, lane, 1, 1, seq - 1, chain))

    @staticmethod
    def verdict(m):
        if m.offset % 10 == 4:
            return REJECTED
        return DUPLICATE if m.offset % 25 == 7 else ACCEPTED

    def _block(self, lane, seq, feed, source, rows):
        salt = hashlib.sha256(b"salt %d %d" % (lane, seq)).digest()
        salts = encoding.salts(salt, len(rows))
        hashes = b"".join(encoding.message_hash(
            salts[16 * n:16 * n + 16], lane, 1, seq + n, source, m.offset,
            m.partition, 5, n, self.verdict(m), m.key,
            encoding.headers(m.headers), m.value)
            for n, m in enumerate(rows))
        self.violated_list.extend(
            (lane, 1, seq + n) for n, m in enumerate(rows)
            if self.verdict(m) == REJECTED)
        self.reference_list.extend(
            Reference(lane, 1, seq + n, lane, 1, seq, "duplicate")
            for n, m in enumerate(rows) if self.verdict(m) == DUPLICATE)
        return Block(
            lane, 1, seq, len(rows), feed.tenant, feed.feed, COMMITTED_AT,
            salt, [m.key for m in rows], [m.value for m in rows],
            [encoding.headers(m.headers) for m in rows],
            list(range(len(rows))), [self.verdict(m) for m in rows],
            [5] * len(rows), [m.partition for m in rows],
            [source] * len(rows), [m.offset for m in rows], hashes)

    def _forward(self, cluster, feed, block):
        offsets = {OUTPUT: [], DEAD_LETTER: []}
        partitions = []
        rows = self._rows_of(feed, block)
        for n, m in enumerate(rows):
            verdict = block.verdicts[n]
            kind = {ACCEPTED: OUTPUT, REJECTED: DEAD_LETTER}.get(verdict)
            at = None
            if kind is not None:
                at = self._append(cluster, feed, block, n, m, kind)
            for k, column in offsets.items():
                column.append(at if k == kind else None)
            partitions.append(m.partition)
        for kind, column in offsets.items():
            if any(o is not None for o in column):
                self.delivery_list.append(Delivery(
                    cluster, kind, block.lane, 1, block.first_seq,
                    block.count, partitions if kind == DEAD_LETTER else None,
                    column))

    def _rows_of(self, feed, block):
        return [self.inputs_at[feed.input, block.partitions[n],
                               block.source_offsets[n]]
                for n in range(block.count)]

    def _append(self, cluster, feed, block, n, m, kind):
        topic = feed.output if kind == OUTPUT else feed.dead_letter
        log = self.topics.setdefault((cluster, topic), [])
        end = cluster, topic, m.partition
        offset = self.ends.get(end, 0)
        self.ends[end] = offset + self.offset_step
        ours = (("waybill-id", b"%d-1-%d" % (block.lane, block.first_seq + n)),
                ("waybill-source", b"%s/%d/%d" % (m.topic.encode(),
                                                  m.partition, m.offset)),
                ("waybill-time", b"%d" % n))
        if kind == DEAD_LETTER:
            ours += (("waybill-tenant", feed.tenant.encode()),
                     ("waybill-feed", feed.feed.encode()),
                     ("waybill-contract", b"sales/1"),
                     ("waybill-violations",
                      json.dumps([{"rule": "truncated"}]).encode()))
        log.append(Message(topic, m.partition, offset, m.key, m.value,
                           m.headers + ours, COMMITTED_AT + 5, True))
        return offset

    # -- Evidence ------------------------------------------------------------

    def feeds(self):
        return self.feed_list

    def sources(self):
        return self.source_map

    def blocks(self):
        return iter(self.block_list)

    def commits(self):
        return iter(self.commit_list)

    def deliveries(self):
        return iter(self.delivery_list)

    def violated(self):
        return iter(self.violated_list)

    def references(self):
        return iter(self.reference_list)

    def _log(self, cluster, topic, committed):
        yield from self.topics.get((cluster, topic), ())
        if not committed:
            yield from self.aborted.get((cluster, topic), ())

    def inputs(self, feed):
        return self._log(feed.input_cluster, feed.input, True)

    def outputs(self, cluster, feed, committed=True):
        return self._log(cluster, feed.output, committed)

    def dead_letters(self, cluster, feed, committed=True):
        return self._log(cluster, feed.dead_letter, committed)

    def progress(self, cluster):
        return iter(self.progress_list[cluster])
