# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The judge. It makes one pass over each stream of the evidence."""

from .anomalies import Findings
from .evidence import (ACCEPTED, CONFLICT, DEAD_LETTER, DUPLICATE, OUTPUT,
                       REJECTED)
from .journal_check import JournalCheck
from .topic_check import TopicCheck


class Counts:
    """What one feed's messages came to."""

    def __init__(self):
        self.read = 0
        self.recorded = 0
        self.from_kafka = 0
        self.verdicts = [0, 0, 0, 0]
        self.forwarded = {}       # cluster -> messages
        self.dead_letters = {}


class Check(JournalCheck, TopicCheck):
    def __init__(self, evidence):
        self.evidence = evidence
        self.findings = Findings()
        self.feeds = {(f.tenant, f.feed): f for f in evidence.feeds()}
        self.sources = evidence.sources()
        self.counts = {key: Counts() for key in self.feeds}
        self.ledgers = {}         # (lane, incarnation) -> Ledger
        self.numbered = []        # Ledger by number
        self.referring = {}       # number of a ledger -> {seq: Reference}
        self.taken = {}           # source id -> {offset: ledger, seq}

    def run(self):
        """Judges everything; returns itself."""
        self._judge_journal()
        self._judge_commits()
        self._judge_references()
        self._judge_violations()
        for feed in self.feeds.values():
            self._judge_inputs(feed)
            for cluster in feed.clusters:
                self._judge_topic(feed, cluster, OUTPUT)
                self._judge_topic(feed, cluster, DEAD_LETTER)
        for cluster in sorted({c for f in self.feeds.values()
                               for c in f.clusters}):
            self._judge_progress(cluster)
        self._judge_deliveries()
        self._judge_losses()
        self._judge_counts()
        return self

    def judge_sent(self, sent):
        """Each place that a producer was told must be in the journal."""
        by_place = {(s.topic, s.partition): self.taken.get(s.id, {})
                    for s in self.sources.values() if s.kind == "kafka"}
        for topic, partition, offset in sent:
            if offset not in by_place.get((topic, partition), {}):
                self.findings.add("unseen", "%s/%d/%d was acknowledged to "
                                  "its producer and is not in the journal",
                                  topic, partition, offset)

    def judge_told(self, ids):
        """Each id (lane, incarnation, seq) that a producer was told over
        HTTP must be in the journal."""
        for lane, incarnation, seq in ids:
            ledger = self.ledgers.get((lane, incarnation))
            if ledger is None or not ledger.has(seq):
                self.findings.add("unseen", "%d-%d-%d was acknowledged to its "
                                  "producer and is not in the journal", lane,
                                  incarnation, seq)

    # -- progress, deliveries, losses, counts -------------------------------

    def _judge_progress(self, cluster):
        last = {}
        for p in self.evidence.progress(cluster):
            if p.partition != p.lane:
                self.findings.add("wrong-progress", "%s: lane %d writes "
                                  "partition %d", cluster, p.lane,
                                  p.partition)
            now = (p.incarnation, p.seq)
            before = last.get(p.lane)
            if before and (now < before[0] or p.epoch < before[1]):
                self.findings.add("wrong-progress", "%s: lane %d went from "
                                  "%s epoch %d to %s epoch %d", cluster,
                                  p.lane, *before, now, p.epoch)
            last[p.lane] = now, p.epoch
            ledger = self.ledgers.get((p.lane, p.incarnation))
            if ledger is None or p.seq > ledger.last_seq:
                self.findings.add("unrecorded", "%s: progress of lane %d is "
                                  "%d-%d, past the journal", cluster, p.lane,
                                  *now)
            elif p.seq > 0 and p.chain not in ledger.chain_at(p.seq):
                self.findings.add("wrong-progress", "%s: the chain at %s is "
                                  "not the journal's", cluster,
                                  ledger.name(p.seq))
        for ledger in self.numbered:
            reached = last.get(ledger.lane, ((0, 0), 0))[0]
            for kind in (OUTPUT, DEAD_LETTER):
                place = ledger.places.get((cluster, kind))
                top = len(place.offsets) if place else 0
                if (ledger.incarnation, top) > reached and top:
                    self.findings.add(
                        "aborted-read", "%s: %s is visible, progress is at "
                        "%d-%d", cluster, ledger.name(top), *reached)

    def _judge_deliveries(self):
        said = {}                 # (ledger, cluster, kind) -> set of seq
        for d in self.evidence.deliveries():
            ledger = self.ledgers.get((d.lane, d.incarnation))
            if d.kind not in (OUTPUT, DEAD_LETTER):
                continue
            if ledger is None or not ledger.has(d.first_seq):
                self.findings.add("unrecorded", "delivery of %d-%d-%d, which "
                                  "the journal does not have", d.lane,
                                  d.incarnation, d.first_seq)
                continue
            place = ledger.place(d.cluster, d.kind)
            names = said.setdefault((ledger.number, d.cluster, d.kind),
                                    bytearray(ledger.last_seq + 1))
            for n, offset in enumerate(d.offsets):
                if offset is None or offset < 0:
                    continue
                seq = d.first_seq + n
                partition = d.partitions[n] if d.partitions is not None \
                    else ledger.partitions[seq - 1]
                seen = place.get(seq)
                if seen is None and not self.evidence.is_quiet:
                    continue
                if seen != (partition, offset):
                    self.findings.add("wrong-delivery", "%s: %s is said to "
                                      "be at %s/%d and is at %s", d.cluster,
                                      ledger.name(seq), partition, offset,
                                      seen)
                if seq < len(names):
                    names[seq] = 1
        if self.evidence.is_quiet:
            self._judge_missing_deliveries(said)

    def _judge_missing_deliveries(self, said):
        for ledger in self.numbered:
            for (cluster, kind), place in ledger.places.items():
                names = said.get((ledger.number, cluster, kind), b"")
                for n, offset in enumerate(place.offsets):
                    if offset >= 0 and (n + 1 >= len(names) or
                                        not names[n + 1]):
                        self.findings.add("missing-delivery", "%s: nothing "
                                          "says where %s is", cluster,
                                          ledger.name(n + 1))

    def _judge_losses(self):
        if not self.evidence.is_quiet:
            return
        kinds = {ACCEPTED: OUTPUT, REJECTED: DEAD_LETTER,
                 CONFLICT: DEAD_LETTER}
        for ledger in self.numbered:
            for n, verdict in enumerate(ledger.verdicts):
                kind = kinds.get(verdict)
                feed = self.feeds.get(ledger.feed_of(n + 1)) \
                    if kind is not None else None
                if feed is None:
                    continue
                for cluster in feed.clusters:
                    place = ledger.places.get((cluster, kind))
                    if place is None or place.get(n + 1) is None:
                        self.findings.add("lost", "%s of %s/%s is not on "
                                          "cluster %s", ledger.name(n + 1),
                                          feed.tenant, feed.feed, cluster)

    def _judge_counts(self):
        """in = forwarded + rejected + duplicate, of each feed and cluster."""
        if not self.evidence.is_quiet:
            return
        for (tenant, feed), c in self.counts.items():
            clusters = self.feeds[tenant, feed].clusters \
                if (tenant, feed) in self.feeds else ()
            for cluster in clusters:
                dropped = c.verdicts[DUPLICATE]
                sums = c.forwarded[cluster] + c.dead_letters[cluster] + dropped
                if c.recorded == sums and c.read in (0, c.from_kafka):
                    continue
                self.findings.add(
                    "miscounted", "%s/%s on %s: %d read, %d recorded, %d "
                    "forwarded, %d rejected, %d duplicate", tenant, feed,
                    cluster, c.read, c.recorded, c.forwarded[cluster],
                    c.dead_letters[cluster], dropped)
