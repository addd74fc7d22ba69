# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Bulk produce, and the murmur2 partitioner of Java clients, by hand."""

from confluent_kafka import Producer as _Producer


def murmur2(data):
    """The hash by which Java producers choose a partition (32 bit)."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k ^= k >> 24
        h = (h * m & mask) ^ (k * m & mask)
    rest = data[whole:]
    if rest:
        h ^= int.from_bytes(rest, "little")
        h = h * m & mask
    h ^= h >> 13
    h = h * m & mask
    return h ^ h >> 15


def partition_of(key, partitions):
    return (murmur2(key) & 0x7FFFFFFF) % partitions


class Producer:
    """Produces and remembers where each message went.

    ledger: list of (topic, partition, offset) in the order of the sends, so
    that a test can say "the third message that I sent".
    """

    def __init__(self, bootstrap, **settings):
        config = {"bootstrap.servers": bootstrap, "acks": "all",
                  "enable.idempotence": True, "linger.ms": 5,
                  "queue.buffering.max.messages": 500000,
                  "queue.buffering.max.kbytes": 262144,
                  "partitioner": "murmur2_random"}
        config.update({k.replace("_", "."): v for k, v in settings.items()})
        self.client = _Producer(config)
        self.ledger = []
        self.failed = []

    def send(self, topic, value, key=None, partition=None, headers=None,
             timestamp=None):
        """Queues one message; its place is in ledger[n] after flush()."""
        n = len(self.ledger)
        self.ledger.append(None)

        def delivered(error, message):
            if error is not None:
                self.failed.append((n, error))
            else:
                self.ledger[n] = (message.topic(), message.partition(),
                                  message.offset())
        options = {"on_delivery": delivered}
        if partition is not None:
            options["partition"] = partition
        if headers:
            options["headers"] = headers
        if timestamp is not None:
            options["timestamp"] = timestamp
        while True:
            try:
                self.client.produce(topic, value, key, **options)
                break
            except BufferError:
                self.client.poll(0.1)
        if n % 1000 == 0:
            self.client.poll(0)
        return n

    def flush(self, timeout_s=120):
        left = self.client.flush(timeout_s)
        if left or self.failed:
            raise RuntimeError("%d messages not delivered, %d failed: %s" %
                               (left, len(self.failed), self.failed[:3]))
        return self.ledger
