# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Pours a Fake world into a real Postgres and real Kafkas, so that reading
them is tested too. The tables are those columns that the checker reads."""

import json

from psycopg2 import Binary
from psycopg2.extras import execute_values

from harness import topics
from harness.producer import Producer

TABLES = """
CREATE SCHEMA waybill;
SET search_path = waybill;
CREATE TABLE deployment(name text, lanes int);
INSERT INTO deployment VALUES ('fake', 2);
CREATE TABLE feed(tenant text, feed text, input_cluster text, input_topic text,
                  output_topic text, dead_letter_topic text);
CREATE TABLE feed_output(tenant text, feed text, cluster text);
CREATE TABLE source(source int, kind text, cluster text, topic text,
                    partition int, tenant text, feed text);
CREATE TABLE block(lane int, incarnation int, first_seq int8, count int,
                   tenant text, feed text, salt bytea, keys bytea[],
                   bodies bytea[], headers bytea[], event_times int8[],
                   verdicts int2[], contracts int[], partitions int[],
                   sources int[], source_offsets int8[], hashes bytea,
                   origin int2, dedup_ids bytea[]);
CREATE TABLE verdict_reference(lane int, incarnation int, seq int8,
                               of_lane int, of_incarnation int, of_seq int8,
                               kind text);
CREATE TABLE lane_commit(lane int, incarnation int, commit_no int8,
                         first_seq int8, last_seq int8, chain bytea,
                         source int[], source_next int8[]);
CREATE TABLE delivery(cluster text, kind int2, lane int, incarnation int,
                      first_seq int8, count int, partitions int[],
                      offsets int8[]);
CREATE TABLE violation(lane int, incarnation int, seq int8);
"""


def _narrow(values):
    """One element stands for all."""
    return values[:1] if len(set(values)) == 1 else values


def _array(values):
    if all(v is None for v in values):
        return None
    return [None if v is None else Binary(v) for v in values]


def pour_journal(world, connection):
    cursor = connection.cursor()
    cursor.execute(TABLES)

    def fill(table, rows, template=None):
        execute_values(cursor, "INSERT INTO %s VALUES %%s" % table, rows,
                       template, 100)
    fill("feed", [f[:6] for f in world.feeds()])
    fill("feed_output", [(f.tenant, f.feed, c) for f in world.feeds()
                         for c in f.clusters])
    fill("source", [tuple(s) for s in world.sources().values()])
    fill("block", [
        (b.lane, b.incarnation, b.first_seq, b.count, b.tenant, b.feed,
         Binary(b.salt), _array(b.keys), _array(b.bodies), _array(b.headers),
         b.event_times, _narrow(b.verdicts), _narrow(b.contracts),
         _narrow(b.partitions), _narrow(b.sources), b.source_offsets,
         Binary(b.hashes), b.origin, _array(b.dedup_ids or [None]))
        for b in world.blocks()],
         "(%s,%s,%s,%s,%s,%s,%s,%s::bytea[],%s::bytea[],%s::bytea[],%s,%s,%s,"
         "%s,%s,%s,%s,%s,%s::bytea[])")
    fill("verdict_reference", [tuple(r) for r in world.references()])
    fill("lane_commit", [
        (c.lane, c.incarnation, c.commit_no, c.first_seq, c.last_seq,
         Binary(c.chain), [s for s, _ in c.positions],
         [n for _, n in c.positions]) for c in world.commits()])
    fill("delivery", [tuple(d) for d in world.deliveries()],
         "(%s,%s,%s,%s,%s,%s,%s::int[],%s::int8[])")
    fill("violation", list(world.violated()))


def pour_topics(world, bootstraps):
    """World must have been made with offset_step=1."""
    for cluster, bootstrap in bootstraps.items():
        names = [t for c, t in world.topics if c == cluster]
        progress = "waybill.fake.progress"
        topics.create(bootstrap, names, 4)
        topics.create(bootstrap, [progress], 2)
        producer = Producer(bootstrap)
        for name in names:
            for m in world.topics[cluster, name]:
                producer.send(name, m.value, m.key, m.partition,
                              list(m.headers), m.timestamp)
        for p in world.progress(cluster):
            producer.send(progress, json.dumps({
                "lane": p.lane, "incarnation": p.incarnation,
                "epoch": p.epoch, "seq": p.seq, "chain": p.chain.hex()}),
                str(p.lane), p.partition)
        producer.flush()
