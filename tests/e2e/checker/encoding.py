# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""The documented encodings, written a second time: headers, the hash of a
message, the chain, salts, the lane of a partition."""

import ctypes
import ctypes.util
import hashlib
import struct

CHAIN_START = bytes(32)
_INT = struct.Struct(">i")
_NULL = _INT.pack(-1)


def headers(pairs):
    """A message's headers in the journal's form; None when it has none."""
    if not pairs:
        return None
    out = []
    for name, value in pairs:
        name = name.encode("utf-8", "surrogateescape")
        out.append(_INT.pack(len(name)))
        out.append(name)
        out.append(_field(value))
    return b"".join(out)


def _field(value):
    return _NULL if value is None else _INT.pack(len(value)) + value


_TAIL = struct.Struct(">Biiqiqiiqh")


def message_hash(salt, lane, incarnation, seq, source, source_offset,
                 partition, contract, event_time, verdict, key, header_bytes,
                 body):
    """What the journal's column `hashes` must hold for one message."""
    return hashlib.sha256(b"".join((
        salt, _TAIL.pack(1, lane, incarnation, seq, source, source_offset,
                         partition, contract, event_time, verdict),
        _field(key), _field(header_bytes), _field(body)))).digest()


def chain(previous, lane, incarnation, commit_no, first_seq, last_seq,
          blocks):
    """BLOCKS: (first_seq, count, tenant, feed, hashes) in order of seq."""
    digest = hashlib.sha256(previous)
    digest.update(struct.pack(">iiqqq", lane, incarnation, commit_no,
                              first_seq, last_seq))
    for block_seq, count, tenant, feed, hashes in blocks:
        digest.update(struct.pack(">qi", block_seq, count))
        digest.update(_field(tenant.encode()))
        digest.update(_field(feed.encode()))
        digest.update(hashes)
    return digest.digest()


def content(key, header_bytes, body):
    """A short digest by which two places are compared."""
    digest = hashlib.blake2b(_field(key), digest_size=16)
    digest.update(_field(header_bytes))
    digest.update(_field(body))
    return digest.digest()


class _Aes:
    """AES-256-CTR with a zero counter, by libcrypto."""

    def __init__(self):
        name = ctypes.util.find_library("crypto") or "libcrypto.so.3"
        lib = ctypes.CDLL(name)
        for function in ("EVP_CIPHER_CTX_new", "EVP_aes_256_ctr"):
            getattr(lib, function).restype = ctypes.c_void_p
        lib.EVP_EncryptInit_ex.argtypes = [
            ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
            ctypes.c_char_p, ctypes.c_char_p]
        lib.EVP_EncryptUpdate.argtypes = [
            ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int),
            ctypes.c_char_p, ctypes.c_int]
        self.lib = lib
        self.context = ctypes.c_void_p(lib.EVP_CIPHER_CTX_new())
        self.cipher = ctypes.c_void_p(lib.EVP_aes_256_ctr())

    def keystream(self, key, length):
        out = ctypes.create_string_buffer(length + 16)
        written = ctypes.c_int()
        if not self.lib.EVP_EncryptInit_ex(self.context, self.cipher, None,
                                           key, bytes(16)) or \
           not self.lib.EVP_EncryptUpdate(self.context, out,
                                          ctypes.byref(written),
                                          bytes(length), length):
            raise RuntimeError("libcrypto refused AES-256-CTR")
        return out.raw[:length]


_aes = None


def salts(stored, count):
    """The salts of a block's messages, 16 bytes each, concatenated."""
    global _aes
    if len(stored) != 32:
        return stored
    if _aes is None:
        _aes = _Aes()
    return _aes.keystream(stored, 16 * count)


def murmur2(data):
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k ^= k >> 24
        h = (h * m & mask) ^ (k * m & mask)
    if data[whole:]:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def lane_of(tenant, feed, partition, lanes):
    name = ("%s/%s" % (tenant, feed)).encode()
    return ((murmur2(name) & 0x7FFFFFFF) + partition) % lanes
