# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Messages that keep coming while a test does something else."""

import threading
import time


class Traffic:
    """with Traffic(producer, feeds): sends good messages, and a truncated one
    in every TRUNCATED_EVERY, until the block ends; then flushes."""

    TRUNCATED_EVERY = 50

    def __init__(self, producer, feeds, per_second=500):
        self.producer = producer
        self.feeds = feeds
        self.pause_s = 20 * len(feeds) / per_second
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.error = None

    def _run(self):
        n = 0
        try:
            while not self.ending.is_set():
                for feed in self.feeds:
                    feed.send(self.producer, 20)
                    n += 20
                    if n % self.TRUNCATED_EVERY < 20:
                        feed.send_truncated(self.producer)
                self.producer.client.poll(0)
                time.sleep(self.pause_s)
        except Exception as e:  # told by __exit__, in the test's own thread
            self.error = e

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()
        if self.error:
            raise self.error
        self.producer.flush()
