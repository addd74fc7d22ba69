# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""Free loopback ports that stay ours over a restart.

They are taken from below the range that the kernel gives to outgoing
connections, so that nobody's client socket lands on a port of a server that
happens to be down at the moment.
"""

import random
import socket

LOWEST = 15000
TRIES = 2000


def _ephemeral_low():
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
            return int(f.read().split()[0])
    except OSError:
        return 32768


def _is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count):
    """COUNT different ports that nobody listens on just now."""
    high = max(_ephemeral_low(), LOWEST + 1000)
    rng = random.SystemRandom()
    found = []
    for _ in range(TRIES):
        port = rng.randrange(LOWEST, high)
        if port not in found and _is_free(port):
            found.append(port)
            if len(found) == count:
                return found
    raise RuntimeError("no %d free ports found" % count)


def answers(port):
    """Whether somebody accepts connections on a port."""
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0
