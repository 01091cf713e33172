// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredControl
import MaitredSystem
import MaitredTesting
import Testing

extension Integration {
    /// Unusual ways in which programs that know nothing of maitred come to listen, and what they find there.
    struct PreloadStartTests {
        /// A server in Python that answers with what it found; `prepare` runs before the socket is bound, `listener` makes it.
        static func script(
            prepare: String = "",
            listener: String = "socket.create_server((\"\", int(PORT)))",
            found: String = "\"fine\""
        ) -> String {
            """
            import os, signal, socket, struct, sys
            PORT = os.environ.get("PORT", "0")
            \(prepare)
            listener = \(listener)
            while True:
                connection, peer = listener.accept()
                connection.recv(4096)
                body = ("found=%s" % (\(found),)).encode() + b"\\n"
                connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
                connection.close()
            """
        }

        /// Starts it as the only worker, and gives what it found.
        static func found(
            _ script: String,
            _ options: [String] = [],
            wrapper: [String] = [],
            listen: [String] = ["127.0.0.1:0"]
        ) throws -> String? {
            try withTemporaryDirectory { directory in
                try writeFile("\(directory)/server.py", script)
                let control = ServiceControl(in: directory)
                let service = try Service(
                    listen: listen,
                    workers: 1,
                    options,
                    worker: wrapper + ["/usr/bin/python3", "\(directory)/server.py"],
                    control: control.path
                )
                for _ in 0..<20 { #expect(try TestClient.get(from: service.address).status == 200) }
                let found = try TestClient.get(from: service.address).field("found")
                #expect(eventually { (try? control.status().connections.open) == 0 })
                try service.stop()
                return found
            }
        }

        /// Asks it again and again, with pauses in which it waits, until it has found the right number.
        private static func expectFound(
            _ script: String,
            _ options: [String] = [],
            _ isRight: (Int) -> Bool
        ) throws {
            try withTemporaryDirectory { directory in
                try writeFile("\(directory)/server.py", script)
                let worker = ["/usr/bin/python3", "\(directory)/server.py"]
                let service = try Service(workers: 1, options, worker: worker)
                #expect(
                    eventually {
                        let found = try? TestClient.get(from: service.address).field("found")
                        return isRight(Int(found ?? "") ?? -1)
                    }
                )
                try service.stop()
            }
        }

        @Test func `descriptors that a wrapper closes are fetched again`() throws {
            let wrapper = """
                import signal, subprocess, sys
                program = subprocess.Popen(sys.argv[1:])
                signal.signal(signal.SIGTERM, lambda *_: program.terminate())
                sys.exit(program.wait() and 0)
                """
            #expect(try Self.found(Self.script(), wrapper: ["/usr/bin/python3", "-c", wrapper]) == "fine")
        }

        @Test func `a program may close all descriptors before it binds`() throws {
            #expect(try Self.found(Self.script(prepare: "os.closerange(3, 1024)")) == "fine")
        }

        @Test func `a program may close all descriptors that it does not know while it serves`() throws {
            let closing = """
                import ctypes
                libc = ctypes.CDLL(None)
                def close_others(*keep):
                    for fd in range(3, 2048):
                        if fd not in keep: libc.close(fd)
                    return "fine"
                """
            let script = Self.script(prepare: closing, found: "close_others(listener.fileno(), connection.fileno())")
            #expect(try Self.found(script) == "fine")
        }

        @Test func `a program may clear its environment before it binds`() throws {
            #expect(try Self.found(Self.script(prepare: "os.environ.clear()")) == "fine")
        }

        @Test(arguments: [["--app-port", "31999"], ["--app-port", "any"]])
        func `a port that is no listener's can mean one`(options: [String]) throws {
            let script = Self.script(
                listener: "socket.create_server((\"127.0.0.1\", 31999))",
                found: "listener.getsockname()[1]"
            )
            #expect(try Self.found(script, options) == "31999")
        }

        @Test func `a port that is left open is the listener's`() throws {
            let script = Self.script(
                listener: "socket.create_server((\"127.0.0.1\", 0))",
                found: "listener.getsockname()[1] == int(PORT)"
            )
            #expect(try Self.found(script, ["--app-port", "any"]) == "True")
        }

        @Test func `the same port for datagrams is left alone`() throws {
            let script = Self.script(
                prepare: """
                    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    datagrams.bind(("127.0.0.1", int(PORT)))
                    """,
                found: "datagrams.getsockname()[1] == int(PORT) and datagrams.type == socket.SOCK_DGRAM"
            )
            #expect(try Self.found(script) == "True")
        }

        @Test func `what a listener is set to before and after it listens, its connections have`() throws {
            let script = Self.script(
                prepare: """
                    def listen():
                        listener = socket.socket()
                        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        listener.bind(("", int(PORT)))
                        listener.listen()
                        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                        return listener
                    def get(level, name): return connection.getsockopt(level, name)
                    """,
                listener: "listen()",
                found: "'%d-%d-%d' % (get(socket.IPPROTO_TCP, socket.TCP_NODELAY), "
                    + "get(socket.SOL_SOCKET, socket.SO_KEEPALIVE), "
                    + "listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))"
            )
            #expect(try Self.found(script) == "1-1-1")
        }

        @Test(arguments: ["round-robin", "kernel", "reuseport"])
        func `an accept waits no longer than SO_RCVTIMEO, which was set before the socket was bound`(
            strategy: String
        ) throws {
            let script = Self.script(
                prepare: """
                    timeouts = 0
                    class Patient(socket.socket):
                        def accept(self):
                            global timeouts
                            while True:
                                try: return super().accept()
                                except BlockingIOError: timeouts += 1
                    def listen():
                        listener = Patient()
                        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 20_000))
                        listener.bind(("", int(PORT)))
                        listener.listen()
                        return listener
                    """,
                listener: "listen()",
                found: "timeouts"
            )
            try Self.expectFound(script, ["--strategy", strategy]) { $0 > 0 }
        }

        @Test(arguments: ["round-robin", "kernel"])
        func `signals interrupt an accept that waits, or do not, as for any accept`(strategy: String) throws {
            let script = Self.script(
                prepare: """
                    import ctypes, errno
                    libc = ctypes.CDLL(None, use_errno=True)
                    signal.signal(signal.SIGALRM, lambda *_: None)
                    signal.siginterrupt(signal.SIGINT, False)
                    class Raw(socket.socket):
                        interrupted = 0
                        def accept(self):
                            signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
                            signal.siginterrupt(signal.SIGALRM, self.interrupted == 0)
                            while True:
                                fd = libc.accept(self.fileno(), None, None)
                                if fd >= 0: break
                                assert ctypes.get_errno() == errno.EINTR and self.interrupted == 0
                                self.interrupted += 1
                                signal.siginterrupt(signal.SIGALRM, False)
                            signal.setitimer(signal.ITIMER_REAL, 0)
                            return socket.socket(fileno=fd), None
                    def listen():
                        listener = Raw()
                        listener.bind(("", int(PORT)))
                        listener.listen()
                        return listener
                    """,
                listener: "listen()",
                found: "listener.interrupted"
            )
            try Self.expectFound(script, ["--strategy", strategy]) { $0 == 1 }
        }

        @Test func `near the limit on descriptors an accept gives EMFILE, and the connection waits`() throws {
            let script = Self.script(
                prepare: """
                    import errno, resource
                    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
                    class Tight(socket.socket):
                        refused = 0
                        def accept(self):
                            others = [os.open("/dev/null", os.O_RDONLY)]
                            while others[-1] < 256 - 65: others.append(os.open("/dev/null", os.O_RDONLY))
                            try:
                                connection, peer = super().accept()
                                raise SystemExit("there was room for descriptor %d" % connection.fileno())
                            except OSError as error:
                                assert error.errno == errno.EMFILE
                                self.refused += 1
                            for fd in others: os.close(fd)
                            return super().accept()
                    def listen():
                        listener = Tight()
                        listener.bind(("", int(PORT)))
                        listener.listen()
                        return listener
                    """,
                listener: "listen()",
                found: "listener.refused"
            )
            #expect(Int(try Self.found(script) ?? "") ?? 0 > 20)
        }

        @Test func `a program that removes and binds its socket file gets the listener, and the file stays`() throws {
            try withTemporaryDirectory { directory in
                let path = "\(directory)/web.sock"
                let script = Self.script(
                    prepare: """
                        def listen():
                            os.unlink("\(path)")
                            listener = socket.socket(socket.AF_UNIX)
                            listener.bind("\(path)")
                            os.chmod("\(path)", 0o666)
                            listener.listen()
                            return listener
                        """,
                    listener: "listen()",
                    found: "listener.getsockname()"
                )
                let found = try Self.found(script, listen: ["unix:\(path)"])
                #expect(found == path)
            }
        }

        @Test(arguments: ["kernel", "reuseport"])
        func `where the kernel chooses it accepts from the listener itself`(strategy: String) throws {
            #expect(try Self.found(Self.script(), ["--strategy", strategy]) == "fine")
        }

        @Test func `a program that it executes does not hold its connections`() throws {
            try withTemporaryDirectory { directory in
                let script = Self.script(
                    prepare: """
                        def start():
                            pid = os.fork()
                            if pid == 0: os.execv("/bin/sleep", ["sleep", "600"])
                            return pid
                        """,
                    found: "start()"
                )
                try writeFile("\(directory)/server.py", script)
                let control = ServiceControl(in: directory)
                let service = try Service(
                    workers: 1,
                    worker: ["/usr/bin/python3", "\(directory)/server.py"],
                    control: control.path
                )
                for _ in 0..<5 { #expect(try TestClient.get(from: service.address).status == 200) }
                #expect(eventually { (try? control.status().connections.open) == 0 })
                try service.stop()
            }
        }

        /// The address of the socket from which the connection came, by the family that the program has for it.
        private static let dual = """
            import os, select, socket, sys
            port = int(os.environ["PORT"])
            def listen(family, host, v6only=None):
                one = socket.socket(family)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if v6only is not None: one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
                one.bind((host, port)); one.listen(); one.setblocking(False)
                return one
            which = sys.argv[1]
            if which == "both": sockets = [listen(socket.AF_INET, "0.0.0.0"), listen(socket.AF_INET6, "::", 1)]
            if which == "one": sockets = [listen(socket.AF_INET6, "::", 0)]
            if which == "v4": sockets = [listen(socket.AF_INET, "0.0.0.0")]
            while True:
                for ready in select.select(sockets, [], [])[0]:
                    try: connection, peer = ready.accept()
                    except BlockingIOError: continue
                    connection.setblocking(True)
                    connection.recv(4096)
                    body = b"family=%d\\n" % ready.family
                    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
                    connection.close()
            """

        /// A port that nobody listens on for either family.
        private static func freePort() throws -> UInt16 {
            let socket = try ListeningSocket.open(try SocketAddress.resolve(host: "::", port: 0), ListeningOptions())
            let port = socket.address.description.split(separator: ":").last.flatMap { UInt16($0) }
            return try #require(port)
        }

        @Test(arguments: [("both", ["2", "10"]), ("one", ["10", "10"])])
        func `the same port for both families reaches the socket that has them`(
            sockets: String,
            families: [String]
        ) throws {
            try withTemporaryDirectory { directory in
                try writeFile("\(directory)/server.py", Self.dual)
                let port = try Self.freePort()
                let service = try Service(
                    listen: ["0.0.0.0:\(port)", "[::]:\(port)"],
                    workers: 2,
                    worker: ["/usr/bin/python3", "\(directory)/server.py", sockets]
                )
                let addresses = ["127.0.0.1:\(port)", "[::1]:\(port)"].compactMap { TestAddress($0) }
                for _ in 0..<10 {
                    for (address, family) in zip(addresses, families) {
                        #expect(try TestClient.get(from: address).field("family") == family)
                    }
                }
                #expect(!service.master.lines.contains { $0.contains("is busy") || $0.contains("does not listen") })
                try service.stop()
            }
        }

        @Test func `who waits at a listener that the program has not opened keeps nobody else waiting`() throws {
            try withTemporaryDirectory { directory in
                try writeFile("\(directory)/server.py", Self.dual)
                let path = "\(directory)/web.sock"
                let service = try Service(
                    listen: ["127.0.0.1:0", "unix:\(path)"],
                    workers: 2,
                    worker: ["/usr/bin/python3", "\(directory)/server.py", "v4"]
                )
                try service.master.waitForLine(containing: "does not listen on unix:\(path): clients wait there")
                let waiting = try (0..<4).map { _ in
                    let client = try TestClient(.unix(path))
                    try client.request()
                    return client
                }
                for _ in 0..<40 { #expect(try TestClient.get(from: service.address).field("family") == "2") }
                #expect(!service.master.lines.contains { $0.contains("is busy") })
                try service.stop()
                _ = waiting
            }
        }

        /// What servers in C++ do to get their threads out of `accept`.
        @Test func `a listener that is shut down wakes the threads that wait in accept`() throws {
            let script = """
                import os, signal, socket, sys, threading
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
                listener = socket.create_server(("", int(os.environ["PORT"])))
                def serve():
                    while True:
                        try: connection, _ = listener.accept()
                        except OSError as error: return os.write(1, b"accept: %d\\n" % error.errno)
                        connection.recv(4096)
                        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
                        connection.close()
                threads = [threading.Thread(target=serve) for _ in range(3)]
                for thread in threads: thread.start()
                signal.sigwait([signal.SIGTERM])
                listener.shutdown(socket.SHUT_RD)
                for thread in threads: thread.join()
                """
            try withTemporaryDirectory { directory in
                try writeFile("\(directory)/server.py", script)
                let service = try Service(workers: 2, worker: ["/usr/bin/python3", "\(directory)/server.py"])
                for _ in 0..<20 { #expect(try TestClient.get(from: service.address).status == 200) }
                // One by itself: the master finds out, and gives nothing to it any more.
                let ended = try service.pid(ofWorker: 1)
                kill(ended, SIGTERM)
                try service.master.waitForLine(containing: "worker 1 exited: exit code 0")
                try service.master.waitForLine(containing: "worker 3 ready")
                #expect(LoadRun.run(requests: 100, concurrency: 4, service.address).failures.isEmpty)
                try service.stop()
                let lines = service.master.lines
                #expect(lines.count { $0.contains("accept: \(EINVAL)") } == 9, "\(lines)")
                #expect(lines.count { $0.contains("exited: exit code 0") } == 3, "\(lines)")
            }
        }

        @Test func `when the master is killed a server whose first process takes nothing ends too`() throws {
            try withTemporaryDirectory { directory in
                let script = """
                    import os, signal, socket, sys
                    listener = socket.create_server(("", int(os.environ["PORT"])))
                    worker = os.fork()
                    if worker == 0:
                        # Another user may not signal the first process.
                        os.setgid(65534); os.setuid(65534)
                        while True:
                            connection, _ = listener.accept()
                            connection.recv(4096)
                            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
                            connection.close()
                    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
                    while True: signal.pause()
                    """
                try writeFile("\(directory)/server.py", script)
                let service = try Service(workers: 1, worker: ["/usr/bin/python3", "\(directory)/server.py"])
                let pid = try service.pid(ofWorker: 1)
                #expect(try TestClient.get(from: service.address).status == 200)
                kill(service.master.pid, SIGKILL)
                #expect(eventually { !isAlive(pid) })
                kill(-pid, SIGKILL)
            }
        }
    }
}
