# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Evidence out of a real Postgres (its tables only) and real Kafkas."""

import json

import psycopg2
import psycopg2.extensions

from harness import consumer
from harness.process import ProcessError

from .evidence import (Block, Commit, Delivery, Evidence, Feed, Progress,
                       Reference, Source)

BYTEA_ARRAY_OID = 1001
FETCH_ROWS = 64

FEEDS = """
SELECT f.tenant, f.feed, f.input_cluster, f.input_topic, f.output_topic,
       f.dead_letter_topic,
       array(SELECT o.cluster FROM waybill.feed_output o
             WHERE o.tenant = f.tenant AND o.feed = f.feed ORDER BY 1)
FROM waybill.feed f ORDER BY 1, 2"""

BLOCKS = """
SELECT lane, incarnation, first_seq, count, tenant, feed,
       %s, salt, keys, bodies, headers, event_times, verdicts, contracts,
       partitions, sources, source_offsets, hashes, origin, dedup_ids
FROM waybill.block ORDER BY lane, incarnation, first_seq"""

COMMITTED_AT = "extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000"

COMMITS = """
SELECT lane, incarnation, commit_no, first_seq, last_seq, chain, source,
       source_next
FROM waybill.lane_commit ORDER BY lane, incarnation, commit_no"""

DELIVERIES = """
SELECT cluster, kind, lane, incarnation, first_seq, count, partitions, offsets
FROM waybill.delivery ORDER BY lane, incarnation, first_seq"""

REFERENCES = """
SELECT lane, incarnation, seq, of_lane, of_incarnation, of_seq, kind
FROM waybill.verdict_reference"""

VIOLATED = """
SELECT DISTINCT lane, incarnation, seq FROM waybill.violation"""


def _bytes(value):
    return None if value is None else bytes(value)


def _spread(values, count, absent=None):
    """One element stands for all; no array at all: none has one."""
    if values is None:
        return [absent] * count
    if len(values) == 1 and count > 1:
        return values * count
    return values


class Real(Evidence):
    """dsn: a superuser's or owner's, past row-level security.
    bootstraps: cluster name -> bootstrap servers."""

    def __init__(self, dsn, bootstraps, is_quiet=True, leaks=True):
        self.dsn = dsn
        self.bootstraps = bootstraps
        self.is_quiet = is_quiet
        self.is_leak_checked = leaks
        self.connection = psycopg2.connect(dsn)
        self.connection.set_session(isolation_level="REPEATABLE READ",
                                    readonly=True)
        arrays = psycopg2.extensions.new_array_type(
            (BYTEA_ARRAY_OID,), "BYTEA[]", psycopg2.BINARY)
        psycopg2.extensions.register_type(arrays, self.connection)
        self.cursors = 0
        ((self.deployment, self.lanes),) = self._all(
            "SELECT name, lanes FROM waybill.deployment")

    def close(self):
        self.connection.close()

    def _all(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    def _each(self, sql):
        self.cursors += 1
        with self.connection.cursor("checker%d" % self.cursors) as cursor:
            cursor.itersize = FETCH_ROWS
            cursor.execute(sql)
            yield from cursor

    def settle(self):
        """Where all is said to be quiet, waits for what is committed to be
        seen. What stays open is for the check to find."""
        for cluster, bootstrap in self.bootstraps.items():
            topics = [t for f in self.feeds() if cluster in f.clusters
                      for t in (f.output, f.dead_letter) if t]
            topics.append("waybill.%s.progress" % self.deployment)
            try:
                consumer.settle(bootstrap, topics)
            except ProcessError:
                pass

    def feeds(self):
        return [Feed(*row[:6], tuple(c for c in row[6]
                                     if c in self.bootstraps))
                for row in self._all(FEEDS)]

    def sources(self):
        return {row[0]: Source(*row) for row in self._all(
            "SELECT source, kind, cluster, topic, partition, tenant, feed "
            "FROM waybill.source")}

    def blocks(self):
        stamped = self._all("SHOW track_commit_timestamp")[0][0] == "on"
        when = COMMITTED_AT if stamped else "NULL::float8"
        for row in self._each(BLOCKS % when):
            count = row[3]
            yield Block(
                *row[:6], None if row[6] is None else int(row[6]),
                bytes(row[7]),
                [_bytes(v) for v in _spread(row[8], count)],
                [_bytes(v) for v in _spread(row[9], count)],
                [_bytes(v) for v in _spread(row[10], count)],
                _spread(row[11], count, 0), _spread(row[12], count, 0),
                _spread(row[13], count, 0), _spread(row[14], count, 0),
                _spread(row[15], count, 0), _spread(row[16], count, 0),
                bytes(row[17]), row[18],
                None if row[19] is None else [_bytes(v) for v in row[19]])

    def commits(self):
        for row in self._each(COMMITS):
            yield Commit(*row[:5], bytes(row[5]),
                         list(zip(row[6] or (), row[7] or ())))

    def deliveries(self):
        for row in self._each(DELIVERIES):
            count = row[5]
            yield Delivery(
                *row[:6],
                None if row[6] is None else _spread(row[6], count),
                row[7] if row[7] is not None else [None] * count)

    def violated(self):
        yield from self._each(VIOLATED)

    def references(self):
        for row in self._each(REFERENCES):
            yield Reference(*row)

    def _read(self, cluster, topic, committed=True):
        if topic is None or cluster not in self.bootstraps:
            return iter(())
        return consumer.read(self.bootstraps[cluster], topic, committed,
                             is_missing_empty=True)

    def inputs(self, feed):
        return self._read(feed.input_cluster, feed.input)

    def outputs(self, cluster, feed, committed=True):
        return self._read(cluster, feed.output, committed)

    def dead_letters(self, cluster, feed, committed=True):
        return self._read(cluster, feed.dead_letter, committed)

    def progress(self, cluster):
        topic = "waybill.%s.progress" % self.deployment
        for m in self._read(cluster, topic):
            if m.value is None:
                continue
            said = json.loads(m.value)
            yield Progress(m.partition, m.offset, said["lane"],
                           said["incarnation"], said["epoch"], said["seq"],
                           bytes.fromhex(said["chain"]))
