# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A message among a million of the current hour is found by its key, by where
it came from, by where it went and by its id, in under 50 ms each, as a tenant's
own role."""

import random
import time

import psycopg2
import pytest

LIMIT_MS = 50
SAMPLES = 25


@pytest.fixture(scope="module")
def samples(million):
    """Some messages, with all their names: from the topics."""
    us = million.feeds[0]
    rng = random.Random(1)
    chosen = rng.sample(million.output(us), SAMPLES)
    return [(m, dict(m.headers)) for m in chosen]


@pytest.fixture(scope="module")
def reader(million):
    """A session of the tenant's role, as an auditor would have it."""
    million.postgres.query(
        "DO $$ BEGIN IF to_regrole('wb_auditor') IS NULL THEN "
        "CREATE ROLE wb_auditor LOGIN; END IF; END $$; "
        "GRANT waybill_read_us TO wb_auditor", database=million.database)
    connection = psycopg2.connect(million.dsn("wb_auditor"))
    connection.autocommit = True
    connection.cursor().execute("SET search_path = waybill")
    yield connection
    connection.close()


def find(reader, sql, parameters):
    """(ids, ms); the median of three."""
    times = []
    for _ in range(3):
        with reader.cursor() as cursor:
            began = time.perf_counter()
            cursor.execute(sql, parameters)
            ids = [row[0] for row in cursor.fetchall()]
            times.append((time.perf_counter() - began) * 1000)
    return ids, sorted(times)[1]


def each(samples, reader, sql, parameters_of):
    slowest = 0
    for message, names in samples:
        wanted = names["waybill-id"].decode()
        ids, ms = find(reader, sql, parameters_of(message, names))
        assert wanted in ids
        slowest = max(slowest, ms)
    print("slowest of %d: %.1f ms" % (len(samples), slowest))
    assert slowest < LIMIT_MS


@pytest.mark.within(1200)
def test_by_id(samples, reader):
    each(samples, reader, "SELECT id FROM message_by_id(%s)",
         lambda m, names: (names["waybill-id"].decode(),))


@pytest.mark.within(1200)
def test_by_source_offset(samples, reader):
    def source(_, names):
        topic, partition, offset = \
            names["waybill-source"].decode().rsplit("/", 2)
        return topic, int(partition), int(offset)
    each(samples, reader,
         "SELECT id FROM message_by_source('main', %s, %s, %s)", source)


@pytest.mark.within(1200)
def test_by_output_offset(samples, reader):
    each(samples, reader,
         "SELECT id FROM message_by_delivery('main', %s, %s, %s)",
         lambda m, names: (m.topic, m.partition, m.offset))


@pytest.mark.within(1200)
def test_by_key(million, reader):
    """A key that few messages have: the needle in the haystack."""
    us = million.feeds[0]
    for key, wanted in million.needles:
        ids, ms = find(reader, "SELECT id FROM message_by_key(%s, %s, %s)",
                       (us.tenant, us.feed, psycopg2.Binary(key)))
        print("%d found in %.1f ms" % (len(ids), ms))
        assert len(ids) == wanted
        assert ms < LIMIT_MS
