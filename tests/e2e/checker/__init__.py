# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The independent checker.

It reads the topics and the journal's tables, never the product's own views,
functions or programs, and says by ids whether each promise was kept.

anomalies   what can be wrong, by name
evidence    what there is to judge: feeds, blocks, commits, messages
encoding    the documented encodings, written a second time
ledger      the journal of one (lane, incarnation), in columns
check       the judge
sources     evidence out of a real Postgres and real Kafkas
report      the verdict, for people and for programs
"""
