# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Two feeds with different contracts, and messages for them: `us` keyed by
store and item, `nl` by article."""

from . import avro
from .producer import partition_of


class Contract:
    """A schema with its annotations, and the n-th message of it."""

    def __init__(self, name, fields, annotations, make, key):
        self.name = name
        self.schema = {"type": "record", "name": name, "fields": fields,
                       "waybill": annotations}
        self.encode = avro.Compiled(self.schema)
        self.make = make
        self.key = key

    def message(self, n):
        """(key, body) of the n-th message; each n gives other bytes."""
        value = self.make(n)
        return self.key(value), self.encode(value)


US = Contract(
    "Sales",
    [{"name": "store", "type": "int"}, {"name": "item", "type": "string"},
     {"name": "week", "type": "int"}, {"name": "units", "type": "long"},
     {"name": "price", "type": "double"}],
    {"partitioner": "murmur2", "key": ["store", "item"]},
    lambda n: {"store": n % 83, "item": "upc-%d" % (n % 11), "week": n % 160,
               "units": n, "price": 1.5},
    lambda v: b"%d\x1f%s" % (v["store"], v["item"].encode()))

NL = Contract(
    "Verkoop",
    [{"name": "artikel", "type": "string"},
     {"name": "aantal", "type": "long"},
     {"name": "actie", "type": ["null", "string"]}],
    {"partitioner": "murmur2", "key": ["artikel"]},
    lambda n: {"artikel": "a%d" % (n % 97), "aantal": n,
               "actie": None if n % 5 else "bonus"},
    lambda v: v["artikel"].encode())

CONTRACTS = {"us": US, "nl": NL}


class FeedUnderTest:
    """One feed with topics of its own; sends and remembers."""

    def __init__(self, tenant, stem, contract=None, feed="sales",
                 partitions=4, dead_partitions=2, outputs=None):
        self.tenant = tenant
        self.feed = feed
        self.contract = contract or CONTRACTS.get(tenant, US)
        self.partitions = partitions
        self.dead_partitions = dead_partitions
        self.outputs = outputs
        base = "%s.%s.%s" % (stem, tenant, feed)
        self.input, self.output, self.dead = (
            base + ".in", base + ".out", base + ".dead")
        self.settings = {}        # more keys of the feed in the catalogue
        self.sent = 0
        self.next = 0

    def partition_of(self, key):
        return partition_of(key, self.partitions)

    def send(self, producer, count, **options):
        """COUNT good messages; returns their numbers in the producer's
        ledger."""
        places = []
        for _ in range(count):
            key, body = self.contract.message(self.next)
            self.next += 1
            places.append(producer.send(self.input, body, key,
                                        self.partition_of(key), **options))
        self.sent += count
        return places

    def send_raw(self, producer, body, key=b"any", partition=0, **options):
        """Whatever a test wants to be refused."""
        self.sent += 1
        return producer.send(self.input, body, key, partition, **options)

    def send_truncated(self, producer, count=1):
        """Messages cut short: the simplest that break every contract."""
        places = []
        for _ in range(count):
            key, body = self.contract.message(self.next)
            self.next += 1
            self.sent += 1
            places.append(producer.send(self.input, body[:-1], key,
                                        self.partition_of(key)))
        return places
