# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A small Avro binary encoder of its own, and the framings.

It shares nothing with the gateway: what it writes and the gateway accepts is
evidence. Schemas are plain JSON values.
"""

import json
import struct

SINGLE_OBJECT_MARK = b"\xc3\x01"
_FINGERPRINT_EMPTY = 0xC15D213AA4D7A795


def _long(n):
    n = (n << 1) ^ (n >> 63)
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def _bytes(value):
    return _long(len(value)) + value


def _matches(schema, value):
    """Whether VALUE would be written by this branch of a union."""
    kind = schema["type"] if isinstance(schema, dict) else schema
    return {
        "null": value is None,
        "boolean": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "long": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, float), "double": isinstance(value, float),
        "bytes": isinstance(value, bytes), "fixed": isinstance(value, bytes),
        "string": isinstance(value, str), "enum": isinstance(value, str),
        "array": isinstance(value, list), "map": isinstance(value, dict),
        "record": isinstance(value, dict),
    }.get(kind, False)


def encode(schema, value, names=None):
    """The Avro binary encoding of VALUE."""
    names = {} if names is None else names
    if isinstance(schema, list):
        for n, branch in enumerate(schema):
            if _matches(names.get(branch, branch)
                        if isinstance(branch, str) else branch, value):
                return _long(n) + encode(branch, value, names)
        raise TypeError("no branch of %r takes %r" % (schema, value))
    if isinstance(schema, str):
        if schema in names:
            return encode(names[schema], value, names)
        kind = schema
    else:
        kind = schema["type"]
        if not isinstance(kind, str):
            return encode(kind, value, names)
        if "name" in schema:
            names[schema["name"]] = schema
    if kind == "null":
        return b""
    if kind == "boolean":
        return b"\x01" if value else b"\x00"
    if kind in ("int", "long"):
        return _long(value)
    if kind == "float":
        return struct.pack("<f", value)
    if kind == "double":
        return struct.pack("<d", value)
    if kind == "bytes":
        return _bytes(value)
    if kind == "string":
        return _bytes(value.encode("utf-8"))
    if kind == "fixed":
        return value
    if kind == "enum":
        return _long(schema["symbols"].index(value))
    if kind == "array":
        items = b"".join(encode(schema["items"], v, names) for v in value)
        return (_long(len(value)) + items if value else b"") + b"\x00"
    if kind == "map":
        pairs = b"".join(_bytes(k.encode()) + encode(schema["values"], v, names)
                         for k, v in value.items())
        return (_long(len(value)) + pairs if value else b"") + b"\x00"
    if kind == "record":
        return b"".join(encode(f["type"], value[f["name"]], names)
                        for f in schema["fields"])
    raise TypeError("no such type: %r" % (kind,))


def confluent(schema_id, body):
    return b"\x00" + struct.pack(">I", schema_id) + body


def _canonical(schema):
    """Parsing canonical form, for schemas without namespaces or aliases."""
    if isinstance(schema, str):
        return json.dumps(schema)
    if isinstance(schema, list):
        return "[%s]" % ",".join(_canonical(s) for s in schema)
    kind = schema["type"]
    if not isinstance(kind, str):
        return _canonical(kind)
    parts = []
    if "name" in schema:
        name = schema["name"]
        if schema.get("namespace") and "." not in name:
            name = schema["namespace"] + "." + name
        parts.append('"name":%s' % json.dumps(name))
    parts.append('"type":%s' % json.dumps(kind))
    if kind == "record":
        parts.append('"fields":[%s]' % ",".join(
            '{"name":%s,"type":%s}' % (json.dumps(f["name"]),
                                       _canonical(f["type"]))
            for f in schema["fields"]))
    if kind == "enum":
        parts.append('"symbols":%s' % json.dumps(
            schema["symbols"], separators=(",", ":")))
    for attribute in ("items", "values"):
        if attribute in schema:
            parts.append('"%s":%s' % (attribute,
                                      _canonical(schema[attribute])))
    if "size" in schema:
        parts.append('"size":%d' % schema["size"])
    if parts == ['"type":%s' % json.dumps(kind)]:
        return json.dumps(kind)
    return "{%s}" % ",".join(parts)


def fingerprint(schema):
    """CRC-64-AVRO of the parsing canonical form."""
    value = _FINGERPRINT_EMPTY
    for byte in _canonical(schema).encode("utf-8"):
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (_FINGERPRINT_EMPTY if value & 1 else 0)
    return value


def single_object(schema, body):
    return SINGLE_OBJECT_MARK + struct.pack("<Q", fingerprint(schema)) + body


class Compiled:
    """encode() for one record schema of plain fields, made fast: a million
    messages are encoded in a few seconds."""

    def __init__(self, schema):
        self.schema = schema
        self.fields = [(f["name"], f["type"]) for f in schema["fields"]]

    def __call__(self, value):
        out = []
        for name, kind in self.fields:
            v = value[name]
            if kind == "string":
                b = v.encode()
                out.append(_long(len(b)))
                out.append(b)
            elif kind in ("long", "int"):
                out.append(_long(v))
            else:
                out.append(encode(kind, v))
        return b"".join(out)
