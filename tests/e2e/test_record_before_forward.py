# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Nothing leaves before it is recorded.

Seen from Postgres' side: while the journal takes no commit, nothing is on any
output topic, not even as an aborted message. Seen from Kafka's side: while an
output takes no message, everything is recorded all the same. And afterwards
each message that the broker stamped is younger than the commit of its block.
"""

import time

from harness import consumer
from harness.process import wait_until


def leaves(gateway):
    """Everything that ever left, committed or not."""
    return [m for feed in gateway.feeds for m in
            gateway.output(feed, committed=False) +
            gateway.dead_letters(feed, committed=False)]


def test_while_the_journal_is_locked_nothing_leaves(make_gateway):
    gateway = make_gateway()
    gateway.start()
    producer = gateway.producer()
    lock = gateway.postgres.connect(gateway.database)
    lock.autocommit = False
    lock.cursor().execute("LOCK TABLE waybill.block IN EXCLUSIVE MODE")

    for feed in gateway.feeds:
        feed.send(producer, 200)
        feed.send_truncated(producer, 5)
    producer.flush()
    time.sleep(3)
    assert leaves(gateway) == []

    lock.rollback()
    lock.close()
    gateway.wait_quiet()
    assert len(leaves(gateway)) >= 410
    gateway.check()


def test_while_postgres_hangs_nothing_leaves(own_postgres, make_gateway):
    gateway = make_gateway(postgres=own_postgres)
    gateway.start()
    producer = gateway.producer()
    us = gateway.feeds[0]
    us.send(producer, 100)
    producer.flush()
    gateway.wait_quiet()

    own_postgres.pause()
    before = len(leaves(gateway))
    us.send(producer, 100)
    producer.flush()
    time.sleep(3)
    assert len(leaves(gateway)) == before
    own_postgres.resume()

    gateway.wait_quiet(120)
    gateway.check()


def test_while_kafka_is_down_everything_is_recorded(shared_kafka, own_kafka_b,
                                                    make_gateway):
    gateway = make_gateway(kafkas={"main": shared_kafka, "far": own_kafka_b},
                           output_clusters=["far"])
    gateway.start()
    producer = gateway.producer()
    own_kafka_b.stop()
    for feed in gateway.feeds:
        feed.send(producer, 300)
    producer.flush()
    gateway.wait_recorded()

    own_kafka_b.start()
    gateway.wait_quiet(120)
    gateway.check()


def test_every_message_is_younger_than_its_commit(make_gateway):
    gateway = make_gateway()
    gateway.start()
    producer = gateway.producer()
    for _ in range(20):
        for feed in gateway.feeds:
            feed.send(producer, 50)
        producer.flush()
    gateway.wait_quiet()
    found = gateway.check()
    # The check compares times that are really there.
    assert all(at is not None for g in found.numbered for at in g.committed)
    assert all(m.is_append_time for m in leaves(gateway))


def test_the_commit_is_waited_for_where_a_standby_must_have_it(
        make_gateway, own_postgres):
    """A commit that only the primary has may still be lost: it does not
    count."""
    standby = own_postgres.new_standby("s1")
    try:
        standby.start()
        gateway = make_gateway(postgres=own_postgres)
        gateway.start()
        producer = gateway.producer()
        us = gateway.feeds[0]
        us.send(producer, 50)
        producer.flush()
        gateway.wait_quiet()

        own_postgres.set_synchronous("s1")
        standby.stop("immediate")
        time.sleep(1)
        before = len(leaves(gateway))
        us.send(producer, 50)
        producer.flush()
        time.sleep(3)
        assert len(leaves(gateway)) == before

        standby.start()
        gateway.wait_quiet(120)
        gateway.check()
    finally:
        standby.remove()


def test_a_cancelled_wait_for_the_standby_is_not_a_commit(own_postgres,
                                                          make_gateway):
    """Postgres answers COMMIT with a mere warning when the wait for the
    standby is cancelled. Nothing may leave on the strength of that."""
    standby = own_postgres.new_standby("s1")
    try:
        standby.start()
        gateway = make_gateway(postgres=own_postgres)
        gateway.start()
        producer = gateway.producer()
        own_postgres.set_synchronous("s1")
        standby.stop("immediate")
        time.sleep(1)
        us = gateway.feeds[0]
        us.send(producer, 50)
        producer.flush()

        def waiting():
            return own_postgres.query(
                "SELECT pid FROM pg_stat_activity WHERE wait_event = "
                "'SyncRep' AND datname = %s", (gateway.database,))
        wait_until(waiting, 30, "a commit that waits for the standby")
        for _ in range(5):
            for (pid,) in waiting():
                own_postgres.query("SELECT pg_cancel_backend(%s)", (pid,))
            time.sleep(0.5)
        assert leaves(gateway) == []

        standby.start()
        gateway.wait_quiet(120)
        gateway.check()
    finally:
        standby.remove()


def test_what_a_consumer_sees_is_in_the_journal_already(make_gateway):
    """The promise as a consumer meets it: whatever it has just read, the
    journal knows."""
    gateway = make_gateway(feeds=("us",))
    gateway.start()
    producer = gateway.producer()
    us = gateway.feeds[0]
    bootstrap = gateway.kafkas["main"].bootstrap
    for turn in range(1, 9):
        us.send(producer, 30)
        producer.flush()
        # As soon as anything new is there, and whatever is there by then.
        seen = consumer.wait_for(bootstrap, us.output, 30 * turn - 29,
                                 committed=False)
        for m in seen[-5:]:
            identity = dict(m.headers)["waybill-id"].decode()
            assert gateway.sql("SELECT count(*) FROM message_by_id(%s)",
                               (identity,)) == [(1,)]
    gateway.wait_quiet()
    gateway.check()
