# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""What can be wrong, by name. The first group is named after Jepsen's Kafka
workload."""

ANOMALIES = {
    "lost": "an accepted message is not on an output topic, or a rejected one "
            "not on its dead-letter topic",
    "duplicate": "a message is there more than once",
    "reordered": "messages of one partition are not in the order of their seq",
    "unseen": "an input message is not in the journal",
    "aborted-read": "a message is visible whose progress record was not "
                    "committed with it",
    "inconsistent-offsets": "one place in an input topic is recorded with "
                            "different messages",

    "changed": "bytes differ between input, journal and output",
    "misplaced": "a message is on another partition, topic or lane than it "
                 "belongs to",
    "gap": "seq does not run 1..n within a lane's incarnation",
    "chain-broken": "a hash or the chain is not what the bytes give",
    "unrecorded": "a message was forwarded that the journal does not have",
    "forwarded-early": "a message was in Kafka before its journal "
                       "transaction had committed",
    "recorded-twice": "an input message is in the journal more than once",
    "invented": "the journal names an input message that does not exist",
    "foreign": "an output topic holds a message without a waybill-id",
    "wrong-verdict": "a message is where one of another verdict belongs",
    "wrong-tenant": "a message is in the topic or the journal of another "
                    "tenant",
    "no-reasons": "a rejected message comes without its violations",
    "wrong-reference": "a duplicate or a conflict does not name the earlier "
                       "message that it repeats or contradicts",
    "wrong-delivery": "a delivery row names a place that holds something else",
    "missing-delivery": "a forwarded message has no delivery row",
    "wrong-progress": "progress goes backwards or disagrees with the journal",
    "wrong-position": "a recorded source position disagrees with what was "
                      "recorded",
    "miscounted": "in is not forwarded + rejected + duplicate",
}

EXAMPLES_MAX = 5


class Findings:
    """Counts each anomaly and keeps the first examples."""

    def __init__(self):
        self.counts = {}
        self.examples = {}

    def add(self, name, text, *arguments):
        if name not in ANOMALIES:
            raise KeyError(name)
        n = self.counts.get(name, 0)
        self.counts[name] = n + 1
        if n < EXAMPLES_MAX:
            self.examples.setdefault(name, []).append(
                text % arguments if arguments else text)

    @property
    def names(self):
        return set(self.counts)

    def __bool__(self):
        return bool(self.counts)
