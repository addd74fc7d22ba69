#!/usr/bin/env python3
# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""producer.py URL TENANT FEED <LINES: a producer by HTTP, to start from. Each
line of standard input is one message in strict Avro JSON; the API key is in
the variable WAYBILL_KEY. Standard library only."""

import http.client
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

TRIES_MAX, WAIT_S_MAX, TIMEOUT_S = 20, 30, 30


def try_once(request):
    """(status, headers, text); status 0: nobody has answered, and it is not
    known whether the message was recorded."""
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read().decode()
    except (OSError, http.client.HTTPException) as e:
        return 0, {}, "%s\n" % e


def publish(url, key, id, line):
    """Sends one message until it is decided, always with the same id, so it
    is recorded once."""
    request = urllib.request.Request(url, line.encode(), {
        "Authorization": "Bearer " + key, "Idempotency-Key": id,
        "Content-Type": "application/json"})
    for n in range(TRIES_MAX):
        status, headers, text = try_once(request)
        # Busy, slow, or it says itself that it did not record, or cannot know.
        if status not in (0, 408, 429) and status < 500:
            break
        print("%s: status %d, again" % (id, status), file=sys.stderr)
        time.sleep(int(headers.get("Retry-After", min(2 ** n, WAIT_S_MAX))))
    print(id, status, text, end="", flush=True)
    return status in (200, 202)     # durable; 409 and 422 are recorded as wrong


def main():
    if len(sys.argv) != 4 or "WAYBILL_KEY" not in os.environ:
        sys.exit("usage: WAYBILL_KEY=... producer.py URL TENANT FEED <LINES")
    url = "%s/v1/tenants/%s/feeds/%s/messages" % tuple(sys.argv[1:])
    # What names a message must be the same when this is started again.
    run = os.environ.get("PRODUCER_RUN") or str(uuid.uuid4())
    good = [publish(url, os.environ["WAYBILL_KEY"], "%s-%d" % (run, n), line)
            for n, line in enumerate(sys.stdin, 1)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
