# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The harness's encoder, against values from the Avro specification."""

from harness import avro


def test_longs_are_zigzag():
    for value, wire in ((0, b"\x00"), (-1, b"\x01"), (1, b"\x02"),
                        (-64, b"\x7f"), (64, b"\x80\x01"),
                        (-2 ** 63, b"\xff" * 9 + b"\x01")):
        assert avro.encode("long", value) == wire


def test_the_record_of_the_specification():
    schema = {"type": "record", "name": "test", "fields": [
        {"name": "a", "type": "long"}, {"name": "b", "type": "string"}]}
    assert avro.encode(schema, {"a": 27, "b": "foo"}) == b"\x36\x06foo"
    assert avro.Compiled(schema)({"a": 27, "b": "foo"}) == b"\x36\x06foo"


def test_unions_arrays_maps_and_named_types():
    assert avro.encode(["null", "string"], None) == b"\x00"
    assert avro.encode(["null", "string"], "a") == b"\x02\x02a"
    assert avro.encode({"type": "array", "items": "long"}, [3, 27]) == \
        b"\x04\x06\x36\x00"
    assert avro.encode({"type": "map", "values": "int"}, {}) == b"\x00"
    tree = {"type": "record", "name": "Tree", "fields": [
        {"name": "v", "type": "int"},
        {"name": "next", "type": ["null", "Tree"]}]}
    assert avro.encode(tree, {"v": 1, "next": {"v": 2, "next": None}}) == \
        b"\x02\x02\x04\x00"


def test_fingerprints_of_the_specification_of_primitives():
    # From Avro's share/test/data/schema-tests.txt.
    assert avro.fingerprint("null") == 7195948357588979594
    assert avro.fingerprint({"type": "int"}) == 8247732601305521295
