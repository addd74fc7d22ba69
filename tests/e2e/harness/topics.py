# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Topics: made, deleted, grown and looked at."""

from confluent_kafka import KafkaException
from confluent_kafka.admin import (AdminClient, ConfigResource, NewPartitions,
                                   NewTopic)

from .process import wait_until

TIMEOUT_S = 30


def _settled(futures):
    for future in futures.values():
        future.result(TIMEOUT_S)


def _admin(bootstrap):
    return AdminClient({"bootstrap.servers": bootstrap})


def create(bootstrap, names, partitions=4, replicas=1, config=None):
    """Makes topics and waits until each partition has a leader."""
    admin = _admin(bootstrap)
    _settled(admin.create_topics(
        [NewTopic(n, partitions, replicas, config=config or {})
         for n in names], operation_timeout=TIMEOUT_S))

    def all_lead():
        return all(partitions_of(bootstrap, n, admin) == partitions
                   for n in names)
    wait_until(all_lead, TIMEOUT_S, "leaders of " + ", ".join(names))


def delete(bootstrap, names):
    admin = _admin(bootstrap)
    _settled(admin.delete_topics(list(names), operation_timeout=TIMEOUT_S))
    wait_until(lambda: not any(partitions_of(bootstrap, n, admin)
                               for n in names),
               TIMEOUT_S, "the end of " + ", ".join(names))


def grow(bootstrap, name, partitions):
    admin = _admin(bootstrap)     # its futures end with it
    _settled(admin.create_partitions([NewPartitions(name, partitions)]))


def configure(bootstrap, name, config):
    """Sets exactly these; the others have their defaults again."""
    admin = _admin(bootstrap)
    _settled(admin.alter_configs([ConfigResource("topic", name,
                                                 set_config=config)]))


def partitions_of(bootstrap, name, admin=None):
    """How many partitions of a topic have a leader; 0: there is no topic."""
    admin = admin or _admin(bootstrap)
    found = admin.list_topics(timeout=TIMEOUT_S).topics.get(name)
    if found is None or found.error is not None:
        return 0
    return sum(1 for p in found.partitions.values()
               if p.error is None and p.leader >= 0)


def leaders_of(bootstrap, name):
    """Partition -> leader (-1: none)."""
    found = _admin(bootstrap).list_topics(name, timeout=TIMEOUT_S).topics[name]
    return {p.id: p.leader for p in found.partitions.values()}


def listed(bootstrap):
    return sorted(_admin(bootstrap).list_topics(timeout=TIMEOUT_S).topics)


__all__ = ["create", "configure", "delete", "grow", "partitions_of", "leaders_of",
           "listed", "KafkaException"]
