# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A small client of the REST endpoints, on http.client alone: one connection
that is kept, and every answer as it came."""

import http.client
import json
import urllib.parse


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def receipt(self):
        """The one receipt of a single message."""
        (receipt,) = self.json["receipts"]
        return receipt

    def __repr__(self):
        return "<%d %s>" % (self.status, self.body[:2000])


class Client:
    """One producer: a daemon's port and an API key."""

    def __init__(self, port, key=None, timeout_s=30, host="127.0.0.1"):
        self.port = port
        self.host = host
        self.key = key
        self.timeout_s = timeout_s
        self.connection = None

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def request(self, method, path, body=None, headers=None):
        """An Answer; a connection that the server has closed meanwhile is
        opened anew, once and only where nothing was sent on it."""
        fields = dict(headers or {})
        if self.key is not None:
            fields.setdefault("Authorization", "Bearer " + self.key)
        if self.connection is None:
            self.connection = http.client.HTTPConnection(
                self.host, self.port, timeout=self.timeout_s)
        try:
            self.connection.request(method, path, body, fields)
            answer = self.connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    @staticmethod
    def path_of(tenant, feed, **query):
        path = "/v1/tenants/%s/feeds/%s/messages" % (
            urllib.parse.quote(tenant, ""), urllib.parse.quote(feed, ""))
        return path + ("?" + urllib.parse.urlencode(query) if query else "")

    def post(self, feed, body, media="application/json", key=None, id=None,
             headers=None, **query):
        """One request to a FeedUnderTest; key: of one message, as text."""
        fields = {"Content-Type": media}
        if key is not None:
            fields["Waybill-Key"] = key
        if id is not None:
            fields["Idempotency-Key"] = id
        fields.update(headers or {})
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        return self.request("POST", self.path_of(feed.tenant, feed.feed,
                                                 **query), body, fields)

    def messages(self, feed, **query):
        return self.request("GET", self.path_of(feed.tenant, feed.feed,
                                                **query))

    def receipt(self, id):
        return self.request("GET", "/v1/receipts/" + id)
