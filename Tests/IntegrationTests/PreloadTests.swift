// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredControl
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// What the library does that no server shows; the servers are in Conformance.
    struct PreloadTests {
        @Test func `without the library such a program is no worker, and that is said`() throws {
            let service = try Service(
                workers: 1,
                ["--no-preload", "--start-timeout", "500ms"],
                worker: ["/usr/bin/python3", "\(TestServer.files)/http_server.py"],
                ready: 0,
                environment: TestServer.environment
            )
            try service.master.waitForLine(containing: "worker 1 ")
            #expect(
                eventually(within: .seconds(15)) {
                    service.master.errorLines.contains { $0.contains("not ready") || $0.contains("exited") }
                }
            )
        }

        @Test func `what the program starts does not get the library`() throws {
            try withTemporaryDirectory { directory in
                let script = "\(directory)/server.py"
                try writeFile(
                    script,
                    """
                    import os, socket, subprocess
                    listener = socket.create_server(("", int(os.environ["PORT"])))
                    while True:
                        connection, _ = listener.accept()
                        connection.recv(4096)
                        body = subprocess.run(["/usr/bin/env"], capture_output=True).stdout
                        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
                        connection.close()
                    """
                )
                let control = ServiceControl(in: directory)
                let service = try Service(workers: 1, worker: ["/usr/bin/python3", script], control: control.path)
                for _ in 0..<20 {
                    let response = try TestClient.get(from: service.address)
                    #expect(response.field("LD_PRELOAD") == nil, "\(response.body)")
                }
                // A child that was started between take and close has closed nothing of its parent's.
                #expect(eventually { (try? control.status().connections.open) == 0 })
                try service.stop()
            }
        }
    }
}
