# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A million messages of two tenants, one in a hundred of them bad: in =
forwarded + rejected + duplicate, by ids, as found by the checker, which shares
no code with the daemon."""

import time

import pytest


@pytest.mark.within(1200)
def test_a_million_add_up(million):
    began = time.monotonic()
    counts = million.check().counts
    print("checked in %.1f s" % (time.monotonic() - began))
    assert sum(c.read for c in counts.values()) == million.messages
    for (tenant, _), c in counts.items():
        assert c.recorded == c.read == sum(c.verdicts), tenant
        assert c.verdicts[1] == c.dead_letters["main"] > 0
        assert c.verdicts[0] == c.forwarded["main"]
