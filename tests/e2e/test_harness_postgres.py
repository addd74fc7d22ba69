# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The harness's Postgres keeps what it committed, whatever ends it."""

from harness.postgres import Postgres


def test_is_utf8_with_fsync_and_a_fresh_database_each_time(shared_postgres):
    one, two = (shared_postgres.new_database() for _ in range(2))
    assert one != two
    assert shared_postgres.query("SHOW fsync", database=one) == [("on",)]
    assert shared_postgres.query("SHOW server_encoding", database=one) == \
        [("UTF8",)]


def test_committed_rows_survive_kill_9(own_postgres):
    own_postgres.query("CREATE TABLE t AS SELECT generate_series(1, 9) AS n")
    own_postgres.kill()
    assert not own_postgres.process.is_running()
    own_postgres.start()
    assert own_postgres.query("SELECT count(*) FROM t") == [(9,)]
    own_postgres.restart()
    assert own_postgres.query("SELECT sum(n) FROM t") == [(45,)]


def test_a_synchronous_standby_has_what_was_committed(own_postgres):
    standby = own_postgres.new_standby("s1")
    try:
        standby.start()
        own_postgres.set_synchronous("s1")
        own_postgres.query("CREATE TABLE t AS SELECT 1 AS n")
        own_postgres.kill()
        standby.promote()
        assert standby.query("SELECT n FROM t") == [(1,)]
    finally:
        standby.remove()


def test_a_paused_server_hangs_and_goes_on(own_postgres):
    own_postgres.pause()
    own_postgres.resume()
    assert own_postgres.query("SELECT 1") == [(1,)]


def test_two_servers_live_side_by_side(shared_postgres):
    with Postgres() as other:
        assert other.port != shared_postgres.port
