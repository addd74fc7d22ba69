# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Producers by HTTP that behave as docs/producers.md tells them to, and keep
what they were told: each sends one request after the other, one message or
many, and repeats it unchanged until it knows of every message."""

import collections
import http.client
import json
import random
import struct
import threading
import time

from .rest import Client

KEYS = 5                 # of each producer; no two share one
BAD_EVERY = 40           # one message in so many is cut short
PAUSE_S = 0.02


class Sent:
    """One message, and what its producer knows of it."""

    def __init__(self, id, value, key, body):
        self.id = id
        self.value = value   # None: it is not whole
        self.key = key
        self.body = body
        self.told = []       # receipts that say that it is recorded
        self.in_doubt = 0    # tries of which nobody knows

    @property
    def is_bad(self):
        return self.value is None


class Publisher(threading.Thread):
    """FIND returns the ports of the daemons that may be asked."""

    def __init__(self, number, feed, token, find, seed):
        super().__init__(name="publisher-%d" % number, daemon=True)
        self.number = number
        self.feed = feed
        self.token = token
        self.find = find
        self.chance = random.Random(seed)
        self.sent = []
        self.answers = collections.Counter()
        self.slowest_s = 0
        self.ending = threading.Event()
        self.give_up_at = None
        self.error = None

    def run(self):
        try:
            while not self.ending.is_set():
                self._request()
                time.sleep(self.chance.uniform(0, 2 * PAUSE_S))
        except Exception as e:  # told by end(), in the test's own thread
            self.error = e

    def end(self, timeout_s):
        """Lets it finish what it has begun."""
        self.give_up_at = time.monotonic() + timeout_s
        self.ending.set()
        self.join(timeout_s + 60)
        assert not self.is_alive(), self.name + " hangs"
        if self.error:
            raise self.error

    # -- what is sent -------------------------------------------------------

    def _message(self, id):
        n = len(self.sent)
        value = {"store": self.number, "item": "k%d" % (n % KEYS),
                 "week": n % 160, "units": n, "price": 1.5}
        contract = self.feed.contract
        sent = Sent(id, value, contract.key(value), contract.encode(value))
        self.sent.append(sent)
        return sent

    def _request(self):
        shape = self.chance.choice((self._one, self._many, self._envelopes))
        body, media, fields, of = shape("p%d-%d" % (self.number,
                                                    len(self.sent)))
        query = {"wait": "forwarded"} if self.chance.random() < 0.2 else {}
        self._until_told(body, media, fields, of, query)
        if self.chance.random() < 0.1:
            # It has forgotten, and sends it all again.
            self._until_told(body, media, fields, of, query)

    def _cut_some(self, of):
        for sent in of:
            if self.chance.randrange(BAD_EVERY) == 0:
                sent.body, sent.value = sent.body[:-1], None

    def _one(self, id):
        sent = self._message(id)
        return sent.body, "avro/binary", {"id": id}, [sent]

    def _many(self, id):
        of = [self._message("%s#%d" % (id, n))
              for n in range(self.chance.randrange(2, 60))]
        self._cut_some(of)
        packed = b"".join(struct.pack(">I", len(s.body)) + s.body for s in of)
        return (packed, "application/vnd.waybill.messages+avro", {"id": id},
                of)

    def _envelopes(self, id):
        of = [self._message("%s.%d" % (id, n))
              for n in range(self.chance.randrange(1, 8))]
        packed = json.dumps([{"value": s.value, "id": s.id} for s in of])
        return packed, "application/vnd.waybill.envelope+json", {}, of

    # -- what it is told ----------------------------------------------------

    def _until_told(self, body, media, fields, of, query):
        wanted = [len(s.told) + 1 for s in of]
        while True:
            self._try(body, media, fields, of, query)
            if all(len(s.told) >= n for s, n in zip(of, wanted)):
                return
            if self.give_up_at and time.monotonic() > self.give_up_at:
                raise AssertionError("%s: nobody tells it of %s; %s" % (
                    self.name, of[0].id, dict(self.answers)))
            time.sleep(self.chance.uniform(0.02, 0.2))

    def _try(self, body, media, fields, of, query):
        client = Client(self.chance.choice(self.find()), self.token)
        began = time.monotonic()
        try:
            answer = client.post(self.feed, body, media, **fields, **query)
        except ConnectionRefusedError:
            self.answers["refused"] += 1
            return
        except (OSError, http.client.HTTPException):
            self.answers["broken"] += 1
            for sent in of:
                sent.in_doubt += 1
            return
        finally:
            client.close()
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        self._take(answer, of)

    def _take(self, answer, of):
        found = answer.json
        kind = found.get("type", "").rsplit("/", 1)[-1].rsplit("#", 1)[-1]
        self.answers["%d %s" % (answer.status, kind)] += 1
        receipts = found.get("receipts")
        if receipts is None:
            # Nothing was recorded, or nobody knows; else it is wrong.
            assert answer.status in (401, 503), answer
            if kind == "outcome-unknown":
                for sent in of:
                    sent.in_doubt += 1
            return
        assert len(receipts) == len(of), answer
        for sent, receipt in zip(of, receipts):
            if receipt["level"] == "unknown":
                sent.in_doubt += 1
            elif receipt["level"] != "refused":
                sent.told.append(receipt)
