# SPDX-License-Identifier: Apache-2.0
"""The least WSGI application: answers "ok", or N zeros to /bytes?n=N."""

from urllib.parse import parse_qs

# As much as the peers write at once.
CHUNK = bytes(65536)


def application(environ, start_response):
    """Answers one request."""
    if environ["PATH_INFO"] == "/bytes":
        count = int(parse_qs(environ["QUERY_STRING"])["n"][0])
        body = zeros(count)
    else:
        body = [b"ok\n"]
        count = 3
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(count))])
    return body


def zeros(count):
    """Yields that many bytes of zero, a chunk at a time."""
    for _ in range(count // len(CHUNK)):
        yield CHUNK
    yield CHUNK[: count % len(CHUNK)]
