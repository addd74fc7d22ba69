# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Files of records, and `waybill publish` for them."""

import json
import os
import subprocess
import zlib

from .gateway import program
from .process import wait_until


def csv_of(feed, count, first=0):
    """The text of COUNT messages of a feed with a header."""
    names = [f["name"] for f in feed.contract.schema["fields"]]
    lines = [",".join(names)]
    for n in range(first, first + count):
        value = feed.contract.make(n)
        lines.append(",".join("" if value[k] is None else str(value[k])
                              for k in names))
    return "\n".join(lines) + "\n"


def strict(feed, value):
    """A value of a union names its branch, unless it is null."""
    types = {f["name"]: f["type"] for f in feed.contract.schema["fields"]}
    return {k: {types[k][1]: v} if isinstance(types[k], list) and
            v is not None else v for k, v in value.items()}


def ndjson_of(feed, count, first=0):
    return "".join(json.dumps(strict(feed, feed.contract.make(n))) + "\n"
                   for n in range(first, first + count))


SYNC = b"sixteen bytes..."


def _long(n):
    out, n = b"", n << 1
    while n > 0x7f:
        out, n = out + bytes([n & 0x7f | 0x80]), n >> 7
    return out + bytes([n])


def _deflate(data):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def container_of(feed, count, codec="null", block=100):
    """An Avro object container file, as its specification says."""
    def text(data):
        return _long(len(data)) + data
    out = [b"Obj\x01", _long(2), text(b"avro.schema"),
           text(json.dumps(feed.contract.schema).encode()),
           text(b"avro.codec"), text(codec.encode()), _long(0), SYNC]
    for first in range(0, count, block):
        numbers = range(first, min(first + block, count))
        data = b"".join(feed.contract.message(n)[1] for n in numbers)
        if codec == "deflate":
            data = _deflate(data)
        out += [_long(len(numbers)), text(data), SYNC]
    return b"".join(out)


class Publisher:
    """Publishes files to a feed by a daemon's REST interface."""

    def __init__(self, gateway, feed, daemon=None, key=None):
        self.gateway = gateway
        self.feed = feed
        self.daemon = daemon or gateway.daemons[0]
        client = gateway.client(feed, self.daemon, key)
        self.key_file = os.path.join(gateway.folder, feed.tenant + ".key")
        with open(self.key_file, "w") as f:
            f.write(client.key + "\n")
        os.chmod(self.key_file, 0o600)

    def write(self, name, content):
        path = os.path.join(self.gateway.folder, name)
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes)
                    else content.encode())
        return path

    def start(self, *arguments, port=None, stdin=subprocess.DEVNULL):
        """A publish under way."""
        return subprocess.Popen(
            [program("waybill"), "--json", "publish", "--url",
             "http://127.0.0.1:%d" % (port or self.daemon.rest_port),
             "--key-file", self.key_file, "--tenant", self.feed.tenant,
             "--feed", self.feed.feed, *[str(a) for a in arguments]],
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)

    def end(self, process, status=0, timeout_s=90):
        """What it says of itself."""
        out, err = process.communicate(timeout=timeout_s)
        assert process.returncode == status, (process.returncode, out, err)
        return json.loads(out or err)

    def publish(self, *arguments, status=0, **options):
        return self.end(self.start(*arguments, **options), status)

    def records(self, digest):
        """(verdict, number) of each message of a file in the journal."""
        return self.gateway.sql("""
            SELECT m.verdict, m.source_offset FROM message m
            WHERE m.origin = 'file' AND m.source_topic = %s
            ORDER BY 2, 1""", (digest,))

    def wait_records(self, count, timeout_s=60):
        wait_until(lambda: self.gateway.recorded() >= count, timeout_s,
                   "%d records" % count, 0.01)


def rejects_of(path):
    with open(path + ".rejects.ndjson") as f:
        return [json.loads(line) for line in f]
