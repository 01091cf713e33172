// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredTesting
import Testing

/// Programs that are no workers, each in its own way, for as long as a test needs their files.
struct OddPrograms {
    /// Where the files are.
    let directory: String

    /// A server on $PORT, or on the port given as its argument; exits with 3 when it cannot have it.
    private static let server = """
        #include <arpa/inet.h>
        #include <stdlib.h>
        #include <sys/socket.h>
        #include <unistd.h>
        int main(int count, char **arguments)
        {
            const char *text = count > 1 ? arguments[1] : getenv("PORT");
            struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(text == NULL ? 0 : atoi(text))};
            int fd = socket(AF_INET, SOCK_STREAM, 0);
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            if (bind(fd, (void *)&address, sizeof address) < 0 || listen(fd, 8) < 0)
                return 3;
            for (;;)
                close(accept(fd, NULL, NULL));
        }
        """

    /// Linked statically.
    func fixed() throws -> String { try compile(Self.server, ["-static"], named: "fixed", in: directory) }

    /// Linked as programs are.
    func dynamic() throws -> String { try compile(Self.server, named: "dynamic", in: directory) }

    /// Run as user nobody, whoever starts it. Only root can make such a file.
    func setUser() throws -> String {
        let path = try dynamic()
        try #require(chown(path, 65_534, 65_534) == 0 && chmod(path, 0o6755) == 0)
        return path
    }

    /// Python with a script.
    func python(_ script: String) throws -> [String] {
        let path = "\(directory)/server.py"
        try writeFile(path, script)
        return ["/usr/bin/python3", path]
    }

    /// A web server on $PORT.
    func webServer() throws -> [String] {
        try python(
            """
            import http.server, os
            handler = http.server.SimpleHTTPRequestHandler
            http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), handler).serve_forever()
            """
        )
    }

    /// Listens where it should, and looks away.
    func deaf() throws -> [String] {
        try python(
            """
            import os, socket, time
            listener = socket.socket()
            listener.bind(("", int(os.environ["PORT"])))
            listener.listen()
            time.sleep(600)
            """
        )
    }

    /// Leaves its group and its parent, as daemons did.
    func daemon() throws -> [String] {
        try python(
            """
            import os, time
            if os.fork(): os._exit(0)
            os.setsid()
            if os.fork(): os._exit(0)
            time.sleep(600)
            """
        )
    }
}

/// Runs a body with files of odd programs.
func withOddPrograms(_ body: (OddPrograms) throws -> Void) throws {
    try withTemporaryDirectory { directory in
        // Other users may run what is in it.
        chmod(directory, 0o755)
        try body(OddPrograms(directory: directory))
    }
}
