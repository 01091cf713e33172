# SPDX-License-Identifier: Apache-2.0
"""Python's http.server, a thread for each connection. SIGTERM ends it in the middle of whatever it does."""

import http.server
import os

import app


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = app.answer(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler)
# Here clients could connect already.
app.load()
server.serve_forever()
