# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Topics read from their beginning to their end, once.

read_committed ends at the last stable offset and shows no aborted message;
read_uncommitted shows all of them. Offsets between two messages that nobody
gets are control records of transactions or aborted messages: no gap is
reported here.
"""

import time
from collections import namedtuple

from confluent_kafka import (Consumer, KafkaError, KafkaException,
                             TopicPartition, TIMESTAMP_LOG_APPEND_TIME)

from .process import wait_until

Message = namedtuple(
    "Message",
    "topic partition offset key value headers timestamp is_append_time")

QUIET_S = 30
MISSING = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)


def _consumer(bootstrap, committed):
    return Consumer({
        "bootstrap.servers": bootstrap,
        "group.id": "waybill-tests-reader",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed" if committed
                           else "read_uncommitted",
        "auto.offset.reset": "error",
        "queued.min.messages": 200000,
        "queued.max.messages.kbytes": 65536,
        "check.crcs": True,
        "fetch.wait.max.ms": 20,   # the end is an empty answer
    })


def read(bootstrap, topics, committed=True, is_missing_empty=False):
    """Yields every Message of TOPICS up to their present end."""
    if isinstance(topics, str):
        topics = [topics]
    consumer = _consumer(bootstrap, committed)
    try:
        yield from _read(consumer, topics, is_missing_empty)
    finally:
        consumer.close()


def _read(consumer, topics, is_missing_empty):
    places = []
    for topic in topics:
        found = consumer.list_topics(topic, timeout=QUIET_S).topics[topic]
        if found.error is not None:
            if is_missing_empty and found.error.code() in MISSING:
                continue
            raise KafkaException(found.error)
        for partition in found.partitions:
            low, high = consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=QUIET_S)
            if high > low:
                places.append(TopicPartition(topic, partition, low))
    if not places:
        return
    consumer.assign(places)
    reading = {(p.topic, p.partition) for p in places}
    last = time.monotonic()
    while reading:
        for message in consumer.consume(10000, 0.1):
            last = time.monotonic()
            error = message.error()
            if error is None:
                kind, stamp = message.timestamp()
                yield Message(
                    message.topic(), message.partition(), message.offset(),
                    message.key(), message.value(),
                    tuple(message.headers() or ()), stamp,
                    kind == TIMESTAMP_LOG_APPEND_TIME)
            elif error.code() == KafkaError._PARTITION_EOF:
                reading.discard((message.topic(), message.partition()))
            elif not error.retriable():
                raise KafkaException(error)
        if time.monotonic() - last > QUIET_S:
            raise RuntimeError("no answer for %d s while reading %s" %
                               (QUIET_S, sorted(reading)))


def _ends(consumer, topics):
    """(topic, partition) -> the end as this consumer's isolation sees it."""
    ends = {}
    for topic in topics:
        found = consumer.list_topics(topic, timeout=QUIET_S).topics[topic]
        for partition in found.partitions if found.error is None else ():
            ends[topic, partition] = consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=QUIET_S)[1]
    return ends


def settle(bootstrap, topics, timeout_s=30):
    """Waits until what is there is committed or aborted. The commit of a
    transaction is answered before its markers are on every partition: who
    reads at once may see less than what is committed."""
    stable, written = _consumer(bootstrap, True), _consumer(bootstrap, False)
    try:
        ends = _ends(written, topics)
        wait_until(lambda: all(at >= ends.get(place, 0) for place, at in
                               _ends(stable, topics).items()),
                   timeout_s, "open transactions on " + ", ".join(topics))
    finally:
        stable.close()
        written.close()


def read_all(bootstrap, topics, committed=True):
    return list(read(bootstrap, topics, committed))


def count(bootstrap, topics, committed=True):
    return sum(1 for _ in read(bootstrap, topics, committed))


def wait_for(bootstrap, topics, number, timeout_s=60, committed=True):
    """Reads again and again until NUMBER messages are there; returns them."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = read_all(bootstrap, topics, committed)
        if len(found) >= number:
            return found
        if time.monotonic() > deadline:
            raise AssertionError("%d messages on %s after %g s, expected %d" %
                                 (len(found), topics, timeout_s, number))
        time.sleep(0.2)
