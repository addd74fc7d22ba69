# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The harness's Kafka: real, repairable, killable."""

import os

import pytest
from confluent_kafka import Producer as Client

from harness import consumer, kafka, topics
from harness.kafka import Kafka
from harness.producer import Producer, murmur2, partition_of


def test_a_damaged_cache_is_noticed(folder, monkeypatch):
    whole = kafka.fetch()
    copy = os.path.join(folder, "kafka-" + kafka.VERSION)
    os.mkdir(copy)
    names = sorted(os.listdir(whole))
    for name in names:
        os.symlink(os.path.join(whole, name), os.path.join(copy, name))
    monkeypatch.setenv("WAYBILL_CACHE", folder)
    assert kafka.is_fetched()
    os.unlink(os.path.join(copy, names[0]))
    with open(os.path.join(copy, names[0]), "wb") as f:
        f.write(b"half a download")
    os.unlink(os.path.join(copy, names[1]))
    assert kafka.wrong_jars(copy) == names[:2]


def test_what_was_produced_is_read_back(shared_kafka, stem):
    topics.create(shared_kafka.bootstrap, [stem], partitions=3)
    producer = Producer(shared_kafka.bootstrap)
    for n in range(300):
        producer.send(stem, b"v%d" % n, b"k%d" % n, n % 3,
                      headers=[("h", b"1"), ("h", None)])
    producer.flush()
    found = consumer.read_all(shared_kafka.bootstrap, stem)
    assert sorted((m.partition, m.offset) for m in found) == \
        [(p, n) for p in range(3) for n in range(100)]
    assert found[0].headers == (("h", b"1"), ("h", None))


def test_the_partitioner_is_the_one_of_java_clients(shared_kafka, stem):
    assert murmur2(b"21") - (1 << 32) == -973932308  # Kafka's own UtilsTest
    topics.create(shared_kafka.bootstrap, [stem], partitions=7)
    producer = Producer(shared_kafka.bootstrap)
    keys = [b"key-%d" % n for n in range(50)]
    for key in keys:
        producer.send(stem, b"", key)
    for key, (_, partition, _) in zip(keys, producer.flush()):
        assert partition == partition_of(key, 7)


def test_committed_and_uncommitted_are_told_apart(shared_kafka, stem):
    topics.create(shared_kafka.bootstrap, [stem], partitions=1)
    client = Client({"bootstrap.servers": shared_kafka.bootstrap,
                     "transactional.id": stem})
    client.init_transactions()
    for body, finish in ((b"kept", client.commit_transaction),
                         (b"aborted", client.abort_transaction),
                         (b"kept too", client.commit_transaction)):
        client.begin_transaction()
        client.produce(stem, body)
        client.flush()
        finish()
    bootstrap = shared_kafka.bootstrap
    assert [m.value for m in consumer.read(bootstrap, stem)] == \
        [b"kept", b"kept too"]
    assert [m.value for m in consumer.read(bootstrap, stem, False)] == \
        [b"kept", b"aborted", b"kept too"]


def test_a_broker_keeps_data_and_port_over_kill_9(own_kafka, stem):
    topics.create(own_kafka.bootstrap, [stem], partitions=1)
    producer = Producer(own_kafka.bootstrap)
    producer.send(stem, b"stays")
    producer.flush()
    bootstrap = own_kafka.bootstrap
    own_kafka.restart()
    assert own_kafka.bootstrap == bootstrap
    assert [m.value for m in consumer.read(bootstrap, stem)] == [b"stays"]
    topics.delete(bootstrap, [stem])
    assert stem not in topics.listed(bootstrap)


@pytest.mark.within(180)
def test_a_stopped_broker_leaves_a_partition_without_leader():
    with Kafka(brokers=3, heap="256m") as cluster:
        topics.create(cluster.bootstrap, ["t"], partitions=3, replicas=1)
        leader = topics.leaders_of(cluster.bootstrap, "t")[0]
        cluster.kill_node(leader)
        from harness.process import wait_until
        wait_until(lambda: topics.partitions_of(cluster.bootstrap, "t") == 2,
                   60, "the loss of a leader")
        cluster.start_node(leader)
        wait_until(lambda: topics.partitions_of(cluster.bootstrap, "t") == 3,
                   60, "the leader's return")
