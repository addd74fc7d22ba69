# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The end-to-end harness: a real Postgres, a real Kafka, a real Waybill.

One noun a module: ports, process, postgres, kafka, topics, avro, producer,
consumer, catalogue, gateway.
"""
