# SPDX-License-Identifier: Apache-2.0
"""What the Python servers serve: `/` at once, `/slow` after 300 ms."""

import os
import time

WORKER = os.environ["MAITRED_WORKER_ID"]


def answer(path, wait=time.sleep):
    if path != "/slow":
        return b"id=%s\n" % WORKER.encode()
    if wait:
        wait(0.3)
    return b"id=%s\n%s\nwhole\n" % (WORKER.encode(), b"." * 100_000)


def load():
    """Takes as long as the test wants: until it makes a file. Or fails."""
    directory = os.environ.get("LOAD_DIRECTORY")
    if os.environ.get("LOAD_FAILS"):
        raise RuntimeError("the application cannot be loaded")
    if directory:
        open(f"{directory}/loading.{WORKER}", "w").close()
        while not os.path.exists(f"{directory}/go"):
            time.sleep(0.01)
