// SPDX-License-Identifier: Apache-2.0

extension TestServer {
    /// Debian's Python and servers from PyPI.
    static let python = [
        TestServer(
            testDescription: "Python http.server",
            command: plain("/usr/bin/python3", "\(files)/http_server.py"),
            version: ["/usr/bin/python3", "--version"]
        ),
        uvicorn("uvicorn (asyncio)", "--loop asyncio"),
        uvicorn("uvicorn (uvloop)", "--loop uvloop"),
        // Binds in the parent, listens in children that it executes.
        uvicorn("uvicorn --workers 2", "--workers 2"),
        gunicorn("gunicorn (sync)", "", isSerial: true),
        gunicorn("gunicorn (gthread)", "--worker-class gthread --threads 4"),
        gunicorn("gunicorn --workers 2", "--workers 2"),
        TestServer(
            testDescription: "hypercorn",
            command: shell("\(venv)/hypercorn --log-level warning --workers 2 --bind 0.0.0.0:$PORT asgi:application"),
            version: versionFromPyPI("hypercorn")
        ),
        TestServer(
            testDescription: "granian",
            command: shell(
                "\(venv)/granian --log-level warning --interface asgi --host 0.0.0.0 --port $PORT asgi:application"
            ),
            version: versionFromPyPI("granian")
        ),
    ]

    private static func uvicorn(_ name: String, _ flags: String) -> TestServer {
        TestServer(
            testDescription: name,
            command: shell("\(venv)/uvicorn --log-level warning --port $PORT \(flags) asgi:application"),
            version: versionFromPyPI("uvicorn"),
            options: ["--drain-signal", "TERM"]
        )
    }

    private static func gunicorn(_ name: String, _ flags: String, isSerial: Bool = false) -> TestServer {
        TestServer(
            testDescription: name,
            command: shell("\(venv)/gunicorn --log-level warning --bind :$PORT \(flags) wsgi:application"),
            version: versionFromPyPI("gunicorn"),
            options: ["--drain-signal", "TERM"],
            isSerial: isSerial
        )
    }

    private static func versionFromPyPI(_ name: String) -> [String] {
        ["\(venv)/python", "-c", "from importlib.metadata import version; print(version('\(name)'))"]
    }
}
