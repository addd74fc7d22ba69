# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""What the judge finds by comparing topics with the journal."""

import json

from . import encoding
from .evidence import ACCEPTED, CONFLICT, DEAD_LETTER, OUTPUT, REJECTED
from .journal_check import SEQ_BITS


class TopicCheck:

    def _judge_inputs(self, feed):
        counts = self.counts[feed.tenant, feed.feed]
        by_partition = {}
        for source in self.sources.values():
            if source.kind == "kafka" and source.topic == feed.input and \
                    source.cluster == feed.input_cluster:
                by_partition[source.partition] = dict(
                    self.taken.get(source.id, {}))
        lowest = {}
        content, pack = encoding.content, encoding.headers
        mask = (1 << SEQ_BITS) - 1
        for m in self.evidence.inputs(feed):
            counts.read += 1
            lowest.setdefault(m.partition, m.offset)
            code = by_partition.get(m.partition, {}).pop(m.offset, None)
            if code is None:
                if self.evidence.is_quiet:
                    self.findings.add("unseen", "%s/%d/%d is not in the "
                                      "journal", m.topic, m.partition,
                                      m.offset)
                continue
            ledger, seq = self.numbered[code >> SEQ_BITS], code & mask
            if ledger.digests[seq - 1] != content(m.key, pack(m.headers),
                                                  m.value) and \
                    not self._is_reference(ledger, seq, m):
                self.findings.add("changed", "%s/%d/%d is not what %s "
                                  "recorded", m.topic, m.partition, m.offset,
                                  ledger.name(seq))
        for partition, left in by_partition.items():
            for offset, code in left.items():
                if offset >= lowest.get(partition, 0):
                    self.findings.add(
                        "invented", "%s says %s/%d/%d, where no message is",
                        self.numbered[code >> SEQ_BITS].name(code & mask),
                        feed.input, partition, offset)

    @staticmethod
    def _is_reference(ledger, seq, m):
        """A body above the limit is rejected and may be recorded as null."""
        return ledger.verdicts[seq - 1] == REJECTED and \
            m.value is not None and ledger.digests[seq - 1] == \
            encoding.content(m.key, encoding.headers(m.headers), None)

    def _judge_topic(self, feed, cluster, kind):
        read = self.evidence.outputs if kind == OUTPUT else \
            self.evidence.dead_letters
        last = {}
        n = 0
        for m in read(cluster, feed):
            parsed = self._parse(m, cluster)
            if parsed is None:
                continue
            n += 1
            ledger, seq, own, ours = parsed
            if not self._judge_place(feed, m, ledger, seq, kind, cluster):
                continue
            self._judge_bytes(m, ledger, seq, own, ours, kind)
            place = ledger.place(cluster, kind)
            if place.get(seq):
                self.findings.add("duplicate", "%s is at %s/%d/%d and at "
                                  "%d/%d", ledger.name(seq), m.topic,
                                  m.partition, m.offset, *place.get(seq))
            else:
                place.put(seq, m.partition, m.offset)
            self._judge_order(m, ledger, seq, kind, last)
        counts = self.counts[feed.tenant, feed.feed]
        if kind == OUTPUT:
            counts.forwarded[cluster] = n
        else:
            counts.dead_letters[cluster] = n
        if self.evidence.is_leak_checked:
            for m in read(cluster, feed, committed=False):
                self._parse(m, cluster, says_foreign=False)

    def _parse(self, m, cluster, says_foreign=True):
        """(ledger, seq, the producer's headers, ours), or None."""
        names = [name for name, _ in m.headers]
        if "waybill-replay" in names:
            return None
        try:
            at = len(names) - 1 - names[::-1].index("waybill-id")
            lane, incarnation, seq = map(int, m.headers[at][1].split(b"-"))
        except ValueError:
            if says_foreign:
                self.findings.add("foreign", "%s: %s/%d/%d has no waybill-id",
                                  cluster, m.topic, m.partition, m.offset)
            return None
        ledger = self.ledgers.get((lane, incarnation))
        if ledger is None or not ledger.has(seq):
            last = ledger.last_seq if ledger else 0
            if not self.evidence.is_quiet and seq > last:
                return None       # newer than what was read of the journal
            self.findings.add("unrecorded", "%s: %s/%d/%d is %d-%d-%d, which "
                              "the journal does not have", cluster, m.topic,
                              m.partition, m.offset, lane, incarnation, seq)
            return None
        committed_at = ledger.committed_at(seq)
        if m.is_append_time and committed_at is not None and \
                m.timestamp < committed_at:
            self.findings.add("forwarded-early", "%s: %s was in Kafka %d ms "
                              "before its commit", cluster, ledger.name(seq),
                              committed_at - m.timestamp)
        return ledger, seq, m.headers[:at], m.headers[at:]

    def _judge_place(self, feed, m, ledger, seq, kind, cluster):
        recorded = ledger.feed_of(seq)
        if recorded != (feed.tenant, feed.feed):
            self.findings.add(
                "wrong-tenant" if recorded[0] != feed.tenant else "misplaced",
                "%s: %s of %s/%s is on %s", cluster, ledger.name(seq),
                *recorded, m.topic)
            return False
        wanted = ACCEPTED if kind == OUTPUT else REJECTED
        verdict = ledger.verdicts[seq - 1]
        if verdict != wanted and not (kind == DEAD_LETTER and
                                      verdict == CONFLICT):
            self.findings.add("wrong-verdict", "%s: %s is on %s with verdict "
                              "%d", cluster, ledger.name(seq), m.topic,
                              verdict)
        if kind == OUTPUT and m.partition != ledger.partitions[seq - 1]:
            self.findings.add("misplaced", "%s: %s is on partition %d of %s, "
                              "recorded for %d", cluster, ledger.name(seq),
                              m.partition, m.topic,
                              ledger.partitions[seq - 1])
        return True

    def _judge_bytes(self, m, ledger, seq, own, ours, kind):
        digest = encoding.content(m.key, encoding.headers(own), m.value)
        ours = dict(ours)
        if digest != ledger.digests[seq - 1] and not (
                m.value is None and ours.get("waybill-body") == b"reference"):
            self.findings.add("changed", "%s/%d/%d is not byte for byte what "
                              "%s recorded", m.topic, m.partition, m.offset,
                              ledger.name(seq))
        source = self.sources.get(ledger.source_ids[seq - 1])
        if source is not None:
            said = ours.get("waybill-source")
            if said != self._source_header(
                    source, ledger.source_offsets[seq - 1]):
                self.findings.add("changed", "%s says that it came from %r",
                                  ledger.name(seq), said)
        if kind == DEAD_LETTER:
            self._judge_reasons(ledger, seq, ours)

    @staticmethod
    def _source_header(source, offset):
        if source.kind == "kafka":
            said = "%s/%d/%d" % (source.topic, source.partition, offset)
        elif source.kind == "file":
            said = "file/%s/%d" % (source.topic, offset)
        else:
            said = source.kind
        return said.encode()

    def _judge_conflict(self, ledger, seq, ours):
        r = self.referring.get(ledger.number, {}).get(seq)
        said = ours.get("waybill-conflict")
        if r is None or said != b"%d-%d-%d" % r[3:6]:
            self.findings.add("no-reasons", "%s arrived as in conflict with "
                              "%r", ledger.name(seq), said)

    def _judge_reasons(self, ledger, seq, ours):
        feed = ledger.feed_of(seq)
        try:
            reasons = json.loads(ours.get("waybill-violations") or b"[]")
        except ValueError:
            reasons = []
        if ledger.verdicts[seq - 1] == CONFLICT:
            self._judge_conflict(ledger, seq, ours)
        elif not reasons or not all(r.get("rule") for r in reasons):
            self.findings.add("no-reasons", "%s arrived without violations",
                              ledger.name(seq))
        said = tuple((ours.get(h) or b"").decode()
                     for h in ("waybill-tenant", "waybill-feed"))
        if said != feed:
            self.findings.add("wrong-tenant", "%s says that it is of %s/%s",
                              ledger.name(seq), *said)

    def _judge_order(self, m, ledger, seq, kind, last):
        if kind == OUTPUT:        # one lane writes each output partition
            key, value = m.partition, (ledger.incarnation, seq)
            held = last.get(key)
            if held is not None and held[0] != ledger.lane:
                self.findings.add("misplaced", "partition %d of %s holds "
                                  "lane %d and lane %d", m.partition, m.topic,
                                  held[0], ledger.lane)
                held = None
            if held is not None and held[1] >= value:
                self._reordered(m, ledger, seq)
            last[key] = ledger.lane, value
        else:
            key = m.partition, ledger.lane
            if last.get(key, (0, 0)) >= (ledger.incarnation, seq):
                self._reordered(m, ledger, seq)
            last[key] = ledger.incarnation, seq

    def _reordered(self, m, ledger, seq):
        self.findings.add("reordered", "%s at %s/%d/%d comes after a later "
                          "one", ledger.name(seq), m.topic, m.partition,
                          m.offset)
