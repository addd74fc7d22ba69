# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""What the judge finds in the journal alone: seq, hashes, chain, positions,
violations."""

from . import encoding
from .evidence import CONFLICT, DUPLICATE, ORIGINS, REJECTED
from .ledger import Ledger

SEQ_BITS = 48


class JournalCheck:

    def _ledger(self, lane, incarnation):
        ledger = self.ledgers.get((lane, incarnation))
        if ledger is None:
            ledger = Ledger(len(self.numbered), lane, incarnation)
            self.ledgers[lane, incarnation] = ledger
            self.numbered.append(ledger)
        return ledger

    def _judge_journal(self):
        for block in self.evidence.blocks():
            ledger = self._ledger(block.lane, block.incarnation)
            expected = ledger.last_seq + 1
            if block.first_seq < expected:
                self.findings.add(
                    "gap", "seq %s is in two blocks",
                    ledger.name(block.first_seq))
                continue
            if block.first_seq > expected:
                self.findings.add(
                    "gap", "seq %s to %d are in no block",
                    ledger.name(expected), block.first_seq - 1)
                ledger.pad_to(block.first_seq)
            self._take_block(ledger, block)

    def _take_block(self, ledger, block):
        feed = block.tenant, block.feed
        counts = self.counts.get(feed)
        if counts is None:
            self.findings.add("wrong-tenant", "block %s belongs to no feed: "
                              "%s/%s", ledger.name(block.first_seq), *feed)
            counts = self.counts[feed] = Counts()
        number = len(ledger.blocks)
        ledger.blocks.append((block.first_seq, block.count, block.tenant,
                              block.feed, block.hashes))
        ledger.committed.append(block.committed_at)
        ledger.feeds.append(feed)
        ledger.block_of.extend([number] * block.count)
        ledger.verdicts.extend(block.verdicts)
        ledger.partitions.extend(block.partitions)
        ledger.source_ids.extend(block.sources)
        ledger.source_offsets.extend(block.source_offsets)
        content = encoding.content
        ledger.digests.extend(
            content(k, h, b) for k, h, b in
            zip(block.keys, block.headers, block.bodies))
        ledger.dedup_ids.update(
            (block.first_seq + n, named)
            for n, named in enumerate(block.dedup_ids or ()) if named)
        counts.recorded += block.count
        if ORIGINS[block.origin] == "kafka":
            counts.from_kafka += block.count
        for verdict in block.verdicts:
            counts.verdicts[verdict] += 1
        self._judge_hashes(ledger, block)
        self._judge_sources(ledger, block)

    def _judge_hashes(self, ledger, block):
        salts = encoding.salts(block.salt, block.count)
        of = encoding.message_hash
        lane, incarnation = block.lane, block.incarnation
        hashes = block.hashes
        if len(hashes) != 32 * block.count:
            self.findings.add("chain-broken", "block %s has %d bytes of "
                              "hashes for %d messages",
                              ledger.name(block.first_seq), len(hashes),
                              block.count)
            return
        columns = zip(block.sources, block.source_offsets, block.partitions,
                      block.contracts, block.event_times, block.verdicts,
                      block.keys, block.headers, block.bodies)
        for n, column in enumerate(columns):
            seq = block.first_seq + n
            if of(salts[16 * n:16 * n + 16], lane, incarnation, seq,
                  *column) != hashes[32 * n:32 * n + 32]:
                self.findings.add("chain-broken", "the hash of %s is not "
                                  "that of its bytes", ledger.name(seq))

    def _judge_sources(self, ledger, block):
        feed = self.feeds.get((block.tenant, block.feed))
        base = ledger.number << SEQ_BITS
        known = None
        for n, (source, offset, partition) in enumerate(
                zip(block.sources, block.source_offsets, block.partitions)):
            seq = block.first_seq + n
            if source != known:
                known = source
                place = self.sources.get(source)
                taken = self.taken.setdefault(source, {})
                is_kafka = place is not None and place.kind == "kafka"
                if place is None or is_kafka and feed is not None and \
                        place.topic != feed.input:
                    self.findings.add(
                        "wrong-tenant", "%s of %s/%s comes from source %d, "
                        "which is not its input", ledger.name(seq),
                        block.tenant, block.feed, source)
                self._judge_lane(ledger, block, seq, place)
                self._judge_origin(ledger, block, seq, place)
            if not is_kafka and not self._is_placed(block, n):
                continue
            if offset in taken:
                self._recorded_twice(ledger, seq, place, offset,
                                     taken[offset])
            else:
                taken[offset] = base | seq
            if is_kafka and partition != place.partition:
                self.findings.add(
                    "misplaced", "%s came from partition %d and is recorded "
                    "for %d", ledger.name(seq), place.partition, partition)

    @staticmethod
    def _is_placed(block, n):
        """REST gives no place; of a file, what is sent again has the place
        of what it repeats."""
        return ORIGINS[block.origin] == "file" and \
            block.verdicts[n] not in (DUPLICATE, CONFLICT)

    def _judge_origin(self, ledger, block, seq, place):
        if place is None or ORIGINS[block.origin] == "recovered":
            return
        owner = place.tenant, place.feed
        if place.kind != "kafka" and owner != (block.tenant, block.feed):
            self.findings.add("wrong-tenant", "%s of %s/%s comes from source "
                              "%d of %s/%s", ledger.name(seq), block.tenant,
                              block.feed, place.id, *owner)
        if place.kind != ORIGINS[block.origin]:
            self.findings.add("misplaced", "%s came by %s and names a source "
                              "of kind %s", ledger.name(seq),
                              ORIGINS[block.origin], place.kind)

    def _judge_lane(self, ledger, block, seq, place):
        if self.evidence.lanes is None or place is None or \
                place.kind != "kafka":
            return
        lane = encoding.lane_of(block.tenant, block.feed, place.partition,
                                self.evidence.lanes)
        if lane != ledger.lane:
            self.findings.add("misplaced", "%s of partition %d belongs to "
                              "lane %d", ledger.name(seq), place.partition,
                              lane)

    def _recorded_twice(self, ledger, seq, place, offset, code):
        other = self.numbered[code >> SEQ_BITS]
        other_seq = code & ((1 << SEQ_BITS) - 1)
        where = "%s/%s/%d" % (place.topic, place.partition, offset) \
            if place else "?"
        self.findings.add("recorded-twice", "%s and %s are both %s",
                          other.name(other_seq), ledger.name(seq), where)
        if other.digests[other_seq - 1] != ledger.digests[seq - 1]:
            self.findings.add("inconsistent-offsets", "%s is recorded as %s "
                              "and, with other bytes, as %s", where,
                              other.name(other_seq), ledger.name(seq))

    # -- commits, chain, positions ------------------------------------------

    def _judge_commits(self):
        previous = {}             # lane -> chain of its last commit
        for commit in self.evidence.commits():
            ledger = self._ledger(commit.lane, commit.incarnation)
            before = ledger.commits[-1] if ledger.commits else None
            expected_seq = before.last_seq + 1 if before else 1
            if commit.first_seq != expected_seq or \
                    commit.last_seq < commit.first_seq:
                self.findings.add("gap", "commit %d of lane %d covers %d to "
                                  "%d, not from %d", commit.commit_no,
                                  commit.lane, commit.first_seq,
                                  commit.last_seq, expected_seq)
            if before and commit.commit_no != before.commit_no + 1:
                self.findings.add("gap", "commit %d of lane %d follows %d",
                                  commit.commit_no, commit.lane,
                                  before.commit_no)
            starts = [before.chain] if before else \
                [encoding.CHAIN_START, previous.get(commit.lane)]
            if commit.chain not in [
                    self._chain(ledger, commit, start)
                    for start in starts if start is not None]:
                self.findings.add("chain-broken", "the chain after commit %d "
                                  "(%s to %d) does not follow",
                                  commit.commit_no,
                                  ledger.name(commit.first_seq),
                                  commit.last_seq)
            ledger.commits.append(commit)
            previous[commit.lane] = commit.chain
        for ledger in self.numbered:
            last = ledger.commits[-1].last_seq if ledger.commits else 0
            if last != ledger.last_seq:
                self.findings.add("gap", "blocks end at %s, commits at %d",
                                  ledger.name(ledger.last_seq), last)
            self._judge_positions(ledger)

    @staticmethod
    def _chain(ledger, commit, start):
        covered, at = [], commit.first_seq
        while at <= min(commit.last_seq, ledger.last_seq):
            number = ledger.block_of[at - 1]
            if number < 0:
                at += 1
                continue
            covered.append(ledger.blocks[number])
            at = ledger.blocks[number][0] + ledger.blocks[number][1]
        return encoding.chain(start, commit.lane, commit.incarnation,
                              commit.commit_no, commit.first_seq,
                              commit.last_seq, covered)

    def _judge_positions(self, ledger):
        """A position lies past all that was recorded of its source, and
        nothing is recorded below it afterwards."""
        floor = {}                # source -> next offset as last recorded
        highest = {}
        at = 1
        for commit in ledger.commits:
            for seq in range(at, min(commit.last_seq, ledger.last_seq) + 1):
                source = ledger.source_ids[seq - 1]
                place = self.sources.get(source)
                if place is not None and place.kind != "kafka":
                    continue
                offset = ledger.source_offsets[seq - 1]
                if offset < highest.get(source, -1):
                    self.findings.add("reordered", "%s was recorded after a "
                                      "later message of its partition",
                                      ledger.name(seq))
                if offset < floor.get(source, -1):
                    self.findings.add("wrong-position", "%s lies below the "
                                      "position recorded before it",
                                      ledger.name(seq))
                highest[source] = max(offset, highest.get(source, -1))
            at = commit.last_seq + 1
            for source, position in commit.positions:
                place = self.sources.get(source)
                if place is None or place.kind != "kafka":
                    continue
                if position <= highest.get(source, -1):
                    self.findings.add("wrong-position", "commit %d of lane "
                                      "%d puts source %d at %d, but %d is "
                                      "recorded", commit.commit_no,
                                      commit.lane, source, position,
                                      highest[source])
                floor[source] = position

    def _judge_references(self):
        kinds = {"duplicate": DUPLICATE, "conflict": CONFLICT}
        for r in self.evidence.references():
            ledger = self.ledgers.get((r.lane, r.incarnation))
            of = self.ledgers.get((r.of_lane, r.of_incarnation))
            if ledger is None or not ledger.has(r.seq) or of is None or \
                    not of.has(r.of_seq):
                self.findings.add("wrong-reference", "%s-%s-%s refers to "
                                  "%s-%s-%s: one of them is not there",
                                  *r[:6])
                continue
            self.referring.setdefault(ledger.number, {})[r.seq] = r
            why = self._fault_of(ledger, r, of, kinds.get(r.kind))
            if why:
                self.findings.add("wrong-reference", "%s refers to %s as %s, "
                                  "%s", ledger.name(r.seq),
                                  of.name(r.of_seq), r.kind, why)
        for ledger in self.numbered:
            named = self.referring.get(ledger.number, {})
            for n, verdict in enumerate(ledger.verdicts):
                if verdict in (DUPLICATE, CONFLICT) and n + 1 not in named:
                    self.findings.add("wrong-reference", "%s repeats or "
                                      "contradicts nothing",
                                      ledger.name(n + 1))

    @staticmethod
    def _fault_of(ledger, r, of, verdict):
        if ledger.feed_of(r.seq) != of.feed_of(r.of_seq):
            return "which is of another feed"
        if ledger is of and r.of_seq >= r.seq:
            return "which is not earlier"
        if verdict is None:
            return None
        if ledger.verdicts[r.seq - 1] != verdict:
            return "its verdict says otherwise"
        own = ledger.dedup_ids.get(r.seq)
        if own is None:
            return None
        if own[8:] != of.dedup_ids.get(r.of_seq, b"")[8:]:
            return "which has another id"
        same = ledger.digests[r.seq - 1] == of.digests[r.of_seq - 1]
        if same != (verdict == DUPLICATE):
            return "its bytes say otherwise"
        return None

    def _judge_violations(self):
        violated = {}
        for lane, incarnation, seq in self.evidence.violated():
            violated.setdefault((lane, incarnation), set()).add(seq)
        for key, ledger in self.ledgers.items():
            named = violated.pop(key, set())
            for n, verdict in enumerate(ledger.verdicts):
                if verdict == REJECTED and n + 1 not in named:
                    self.findings.add("no-reasons", "%s is rejected without "
                                      "a violation row", ledger.name(n + 1))
            for seq in named:
                if not ledger.has(seq) or ledger.verdicts[seq - 1] not in (
                        REJECTED, CONFLICT):
                    self.findings.add("wrong-verdict", "%s has a violation "
                                      "but was not rejected",
                                      ledger.name(seq))
        for key in violated:
            self.findings.add("unrecorded", "violations of lane %d-%d, which "
                              "has no message", *key)
