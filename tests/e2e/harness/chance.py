# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Chance that can be repeated: WAYBILL_SEED=N does what seed N did."""

import os
import random


def chance():
    """A random.Random; its seed is printed, and so shown where a test fails."""
    seed = int(os.environ.get("WAYBILL_SEED") or random.randrange(10 ** 9))
    print("WAYBILL_SEED=%d" % seed)
    return random.Random(seed)
