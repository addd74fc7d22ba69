# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Two tenants with different contracts: each message is judged by the contract
of its own country and goes to the topics of its own country."""


def test_each_by_its_own_contract(make_gateway):
    gateway = make_gateway()
    us, nl = gateway.feeds
    producer = gateway.producer()
    us.send(producer, 400)
    nl.send(producer, 300)
    # A message that is right for one is wrong for the other.
    for n in range(20):
        key, body = us.contract.message(n)
        nl.send_raw(producer, body, key, 0)
        key, body = nl.contract.message(n)
        us.send_raw(producer, body, key, 0)
    producer.flush()
    gateway.start()
    gateway.wait_quiet()
    counts = gateway.check().counts
    assert counts["us", "sales"].verdicts[:2] == [400, 20]
    assert counts["nl", "sales"].verdicts[:2] == [300, 20]
    assert len(gateway.output(us)) == 400
    assert len(gateway.dead_letters(nl)) == 20
    contracts = gateway.sql(
        "SELECT DISTINCT tenant, unnest(contracts) FROM block ORDER BY 1")
    assert len({c for _, c in contracts}) == 2


def test_a_flood_of_one_does_not_stop_the_other(make_gateway):
    gateway = make_gateway(lanes=1)
    us, nl = gateway.feeds
    producer = gateway.producer()
    # All is there before the daemon starts, or it would depend on its speed.
    us.send(producer, 120000)
    producer.flush()
    nl.send(producer, 20)
    producer.flush()
    gateway.start()

    def done(tenant):
        return gateway.sql("SELECT coalesce(sum(count), 0) FROM block "
                           "WHERE tenant = %s", (tenant,))[0][0]
    from harness.process import wait_until
    wait_until(lambda: done("nl") == 20, 60, "the small tenant")
    gateway.wait_quiet(90)
    gateway.check()
    # The small one did not have to wait for the end of the flood.
    ((last_nl,), (last_us,)) = (gateway.sql(
        "SELECT max(first_seq + count) FROM block WHERE tenant = %s", (t,))[0]
        for t in ("nl", "us"))
    assert last_nl < last_us
