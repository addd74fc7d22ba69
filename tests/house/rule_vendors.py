# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A vendor's header is included in one file only."""

import re

from fnmatch import fnmatchcase
from rule_layers import INCLUDE
from tree import Fault

# The header, the one file of the product that has it, and who else may: what
# only tests, and programs that are the vendor's library and little more.
VENDORS = [
    ("libpq-fe.h", "base/io/pglib.h"),
    ("librdkafka/*", "base/io/klib.h"),
    ("microhttpd.h", "base/io/httpd.c"),
    ("gnutls/*", "base/io/httptls.c"),
    ("curl/*", "base/io/httpc.c"),
    ("jansson.h", "base/runtime/json.c"),
    ("yaml.h", "base/runtime/yaml.c"),
    ("lzma.h", "base/io/codec.c"),
    ("zlib.h", "base/io/codec.c"),
]
# Files besides: OpenSSL is many headers, each of these has one noun of it.
NOUNS = {
    "openssl/*": ["base/runtime/digest.c", "examples/orange-juice/oj_digest.c"],
    # The embedded broker is the vendor's mock cluster with a main around it.
    "librdkafka/*": ["examples/broker/*.c",
                     "examples/orange-juice/oj_client.h"],
    # Producers: programs of their own.
    "curl/*": ["examples/orange-juice/oj_rest.c",
               "examples/producer-c/producer.c"],
    # A program of its own, which shares no code with the product.
    "jansson.h": ["examples/orange-juice/oj_*"],
    "lzma.h": ["examples/orange-juice/oj_unpack.c"],
    "zlib.h": ["examples/orange-juice/oj_unpack.c"],
}
# A header that shows a vendor's types, and who may see them; a header that
# includes one stands here itself.
PRIVATE = {"base/io/klib.h": ["base/io/k*.c", "base/io/kqueue.h"],
           "base/io/kqueue.h": ["base/io/k*.c"],
           "base/io/pglib.h": ["base/io/pg*.c"]}
STANDARD = re.compile(
    r"^(sys|netinet|arpa|linux|net|sanitizer)/|^(stdio|stdlib|stdint|stdbool|stddef|"
    r"stdarg|stdatomic|stdnoreturn|stdalign|string|strings|errno|math|time|"
    r"limits|inttypes|ctype|assert|signal|setjmp|unistd|fcntl|pthread|poll|"
    r"sched|dirent|dlfcn|endian|byteswap|fnmatch|ftw|getopt|glob|grp|"
    r"langinfo|libgen|locale|malloc|netdb|pwd|regex|search|semaphore|spawn|"
    r"syslog|termios|uchar|ucontext|wchar|wctype|execinfo|float|features|"
    r"fenv|iconv|immintrin|x86intrin|nmmintrin|alloca|paths|pty|sysexits|"
    r"threads|utime|wordexp|link|elf|cpuid|arm_acle|arm_neon|mqueue|err|"
    r"printf)\.h$")


def faults(tree):
    for path in tree.paths(".c", ".h"):
        is_test = path.startswith("tests/")
        for number, line in tree.lines(path):
            include = INCLUDE.match(line)
            if not include:
                continue
            name = include.group(2)
            if name in PRIVATE and not is_test and not any(
                    fnmatchcase(path, p) for p in PRIVATE[name]):
                yield Fault(path, number, f"{name} is private to "
                            + ", ".join(PRIVATE[name]))
            if include.group(1) == "<" and not is_test:
                yield from faults_of_system(path, number, name)


def faults_of_system(path, number, name):
    homes = [home for header, home in VENDORS if fnmatchcase(name, header)]
    for header, files in NOUNS.items():
        if fnmatchcase(name, header):
            homes += files
    if homes and not any(fnmatchcase(path, home) for home in homes):
        yield Fault(path, number, f"<{name}> belongs in {', '.join(homes)}")
    if not homes and not STANDARD.search(name):
        yield Fault(path, number, f"<{name}> is a vendor that has no home"
                    " in rule_vendors.py")


KLIB = '#include "base/io/klib.h"\n'
PLANTED = [
    ({"base/io/pglib.h": "#include <libpq-fe.h>\n"}, None),
    ({"base/model/x.c": "#include <libpq-fe.h>\n"}, "belongs in"),
    ({"gateway/x.h": "#include <librdkafka/rdkafka.h>\n"}, "belongs in"),
    ({"base/io/kconsumer.c": KLIB}, None),
    ({"gateway/x.c": KLIB}, "is private to"),
    ({"base/io/kx.h": KLIB}, "is private to"),
    ({"gateway/x.c": '#include "base/io/kqueue.h"\n'}, "is private to"),
    ({"gateway/x.c": "#include <openssl/sha.h>\n"}, "belongs in"),
    ({"base/io/x.c": "#include <zstd.h>\n"}, "has no home"),
    ({"tests/bench/x.c": KLIB + "#include <libpq-fe.h>\n"}, None),
]
