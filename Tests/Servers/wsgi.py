# SPDX-License-Identifier: Apache-2.0
"""A WSGI application."""

import app

app.load()


def application(environ, start_response):
    body = app.answer(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
