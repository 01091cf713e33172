// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredControl
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// Programs that know nothing of maitred, as workers.
    struct PreloadTests {
        /// A server as it would be started by hand, on the port that the master tells in PORT.
        struct Server: CustomTestStringConvertible, Sendable {
            let testDescription: String
            /// The command, once its files are in a directory.
            let command: @Sendable (_ directory: String) throws -> [String]
        }

        /// Serves one connection at a time in threads; dies at SIGTERM at once.
        private static let python = Server(testDescription: "Python http.server") { directory in
            try writeFile(
                "\(directory)/server.py",
                """
                import http.server, os, sys, time
                class Handler(http.server.BaseHTTPRequestHandler):
                    def do_GET(self):
                        body = b"id=%s pid=%d\\n" % (os.environ["MAITRED_WORKER_ID"].encode(), os.getpid())
                        self.send_response(200)
                        self.send_header("Content-Length", str(len(body)))
                        self.end_headers()
                        self.wfile.write(body)
                    def log_message(self, *arguments): pass
                server = http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler)
                time.sleep(float((sys.argv + ["0"])[1]))
                server.serve_forever()
                """
            )
            return ["/usr/bin/python3", "\(directory)/server.py"]
        }

        /// One event loop; closes by the kernel's number, not by the C library's function.
        private static let node = Server(testDescription: "Node http") { directory in
            try writeFile(
                "\(directory)/server.js",
                """
                require('http').createServer((request, response) => {
                    response.end(`id=${process.env.MAITRED_WORKER_ID} pid=${process.pid}\\n`);
                }).listen(process.env.PORT);
                """
            )
            return ["/usr/bin/node", "\(directory)/server.js"]
        }

        /// A master of its own with two workers, which listens twice.
        private static let nginx = Server(testDescription: "nginx with workers of its own") { directory in
            let script = """
                mkdir -p "$0/$MAITRED_WORKER_ID" && cd "$0/$MAITRED_WORKER_ID" && cat >nginx.conf <<CONF
                daemon off; worker_processes 2; pid $PWD/pid; error_log $PWD/errors;
                events { worker_connections 512; }
                http {
                    access_log off;
                    client_body_temp_path $PWD/a; proxy_temp_path $PWD/b; fastcgi_temp_path $PWD/c;
                    uwsgi_temp_path $PWD/d; scgi_temp_path $PWD/e;
                    server { listen $PORT; return 200 "id=$MAITRED_WORKER_ID\\n"; }
                }
                CONF
                exec /usr/sbin/nginx -e "$PWD/errors" -c "$PWD/nginx.conf"
                """
            return ["/bin/sh", "-c", script, directory]
        }

        private static let servers = [python, node, nginx]

        private static func service(
            _ server: Server,
            _ options: [String] = [],
            in directory: String,
            _ control: ServiceControl
        ) throws -> Service {
            try Service(
                workers: 2,
                ["--stall-timeout", "5s"] + options,
                worker: try server.command(directory),
                control: control.path
            )
        }

        @Test(arguments: servers)
        func `two thousand requests are answered, and every close is seen`(server: Server) throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let service = try Self.service(server, in: directory, control)
                let run = LoadRun.run(requests: 2000, concurrency: 8, service.address)
                #expect(run.failures.isEmpty, "\(run.failures.prefix(3))")
                #expect(run.answered == 2000)
                #expect(run.spread <= 1, "\(run.counts)")
                let counts = try control.settledConnections()
                #expect(counts.accepted == 2000 && counts.taken == 2000 && counts.lost == 0)
                #expect(eventually(within: .seconds(5)) { (try? control.status().connections.open) == 0 })
                try service.stop()
            }
        }

        @Test(arguments: servers)
        func `connections queued for a killed worker are all answered`(server: Server) throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let service = try Self.service(server, in: directory, control)
                let pid = try service.pid(ofWorker: 1)
                kill(-pid, SIGSTOP)
                let clients = try (0..<12).map { _ in try TestClient(service.address) }
                for client in clients { try client.request() }
                kill(-pid, SIGKILL)
                for client in clients { #expect(try client.response().status == 200) }
                try service.stop()
            }
        }

        /// Python's server has no graceful stop: SIGTERM ends it in the middle of whatever it does.
        @Test(arguments: [python, node])
        func `reloads under load fail no request, whatever the program does at its stop signal`(server: Server) throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let service = try Self.service(server, in: directory, control)
                let address = service.address
                let isDone = Guarded(false)
                let load = Background {
                    LoadRun.run(concurrency: 4, address, countedBy: { _ in "" }, while: { isDone.withLock { !$0 } })
                }
                defer { isDone.withLock { $0 = true } }
                for _ in 0..<3 {
                    let program = try Program(
                        ProgramPath.built("maitred"),
                        ["reload", "--wait", "--control", control.path]
                    )
                    #expect(try program.waitExit(within: .seconds(60)) == .exited(code: 0), "\(program.lines)")
                }
                isDone.withLock { $0 = true }
                let run = load.join()
                #expect(run.failures.isEmpty && run.answered > 0, "\(run.failures.prefix(3))")
                try service.stop()
            }
        }

        @Test func `a program that listens and takes nothing yet is not ready, and gets nothing`() throws {
            try withTemporaryDirectory { directory in
                let control = ServiceControl(in: directory)
                let command = try Self.python.command(directory) + ["2"]
                let begun = ContinuousClock.now
                let service = try Service(workers: 1, worker: command, control: control.path, ready: 0)
                let client = try TestClient(service.address)
                try client.request()
                #expect(eventually { (try? control.status().workers.first?.state) == "starting" })
                #expect(try client.response().status == 200)
                #expect(ContinuousClock.now - begun >= .seconds(2))
                try service.stop()
            }
        }

        @Test func `without the library such a program is no worker, and that is said`() throws {
            try withTemporaryDirectory { directory in
                let command = try Self.python.command(directory)
                let service = try Service(
                    workers: 1,
                    ["--no-preload", "--start-timeout", "500ms"],
                    worker: command,
                    ready: 0
                )
                try service.master.waitForLine(containing: "worker 1 ")
                #expect(
                    eventually(within: .seconds(15)) {
                        service.master.errorLines.contains { $0.contains("not ready") || $0.contains("exited") }
                    }
                )
            }
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
