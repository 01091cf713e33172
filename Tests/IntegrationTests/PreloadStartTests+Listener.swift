// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredControl
import MaitredTesting
import Testing

/// What programs do to a listener that they have, and to the processes that share it.
extension Integration.PreloadStartTests {
    @Test func `a process that shuts a listener of its own down leaves the other processes theirs`() throws {
        let script = Self.script(
            prepare: """
                def listen():
                    first = socket.create_server(("", int(PORT)), reuse_port=True)
                    reader, writer = os.pipe()
                    if os.fork() == 0:
                        first.close()
                        second = socket.create_server(("", int(PORT)), reuse_port=True)
                        second.shutdown(socket.SHUT_RDWR)
                        second.close()
                        os.write(writer, b"x")
                        while True: signal.pause()
                    os.read(reader, 1)
                    return first
                """,
            listener: "listen()"
        )
        #expect(try Self.found(script) == "fine")
    }

    /// .NET stops so. The kernel would take the socket that all workers share out of the listening ones.
    @Test(arguments: ["round-robin", "kernel", "reuseport"])
    func `connect without an address ends the listener of the process alone`(strategy: String) throws {
        let script = Self.script(
            prepare: """
                import ctypes
                libc = ctypes.CDLL(None, use_errno=True)
                def listen():
                    listener = socket.create_server(("", int(PORT)))
                    reader, writer = os.pipe()
                    if os.fork() == 0:
                        connected = libc.connect(listener.fileno(), bytes(16), 16)
                        accepted = libc.accept(listener.fileno(), None, None)
                        os.write(writer, b"%d,%d,%d" % (connected, accepted, ctypes.get_errno()))
                        while True: signal.pause()
                    global result
                    result = os.read(reader, 20).decode()
                    return listener
                """,
            listener: "listen()",
            found: "result"
        )
        #expect(try Self.found(script, ["--strategy", strategy]) == "0,-1,\(EINVAL)")
    }

    @Test(arguments: ["kernel", "reuseport"])
    func `an accept that waits at the drain goes on waiting where the kernel chooses`(strategy: String) throws {
        let script = """
            import os, socket, sys
            listener = socket.create_server(("", int(os.environ["PORT"])))
            while True:
                try: connection, _ = listener.accept()
                except OSError as error: sys.exit(os.write(1, b"accept: %d\\n" % error.errno))
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
                connection.close()
            """
        try withTemporaryDirectory { directory in
            try writeFile("\(directory)/server.py", script)
            let worker = ["/usr/bin/python3", "\(directory)/server.py"]
            let service = try Service(workers: 2, ["--strategy", strategy], worker: worker)
            for _ in 0..<20 { #expect(try TestClient.get(from: service.address).status == 200) }
            try service.stop()
            #expect(!service.master.lines.contains { $0.contains("accept:") }, "\(service.master.lines)")
        }
    }

    /// All workers have the same listening socket then.
    @Test func `what another process sets leaves a listener's O_NONBLOCK alone where the kernel chooses`() throws {
        let script = Self.script(
            prepare: """
                import fcntl
                def flag(listener): return fcntl.fcntl(listener, fcntl.F_GETFL) & os.O_NONBLOCK != 0
                def listen():
                    listener = socket.create_server(("", int(PORT)))
                    before = flag(listener)
                    listener.setblocking(False)
                    reader, writer = os.pipe()
                    if os.fork() == 0:
                        fcntl.fcntl(listener, fcntl.F_SETFL, 0)
                        os.write(writer, b"x")
                        while True: signal.pause()
                    os.read(reader, 1)
                    try: listener.accept()
                    except BlockingIOError: pass
                    global result
                    result = [before, flag(listener)]
                    listener.setblocking(True)
                    return listener
                """,
            listener: "listen()",
            found: "sum(1 << i for i, is_set in enumerate(result + [flag(listener)]) if is_set)"
        )
        #expect(try Self.found(script, ["--strategy", "kernel"]) == "2")
    }

    /// Boost.Asio leaves that to the kernel. What goes on watching reports what is for others, without end.
    @Test func `an epoll does not watch a listener any more that was closed`() throws {
        let script = Self.script(
            prepare: """
                import select
                epoll, stale = select.epoll(), 0
                class Late(socket.socket):
                    def accept(self):
                        global stale
                        select.select([self], [], [])
                        stale += len(epoll.poll(0))
                        return super().accept()
                def listen():
                    listener = Late()
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                    listener.bind(("", int(PORT)))
                    listener.listen()
                    return listener
                first, second = listen(), listen()
                epoll.register(first, select.EPOLLIN)
                epoll.register(second, select.EPOLLIN)
                first.close()
                os.dup2(os.open("/dev/null", os.O_RDONLY), second.fileno())
                second.close()
                """,
            listener: "listen()",
            found: "stale"
        )
        #expect(try Self.found(script) == "0")
    }

    @Test func `many epolls go on watching a socket that is bound after it was registered, and no others`() throws {
        let script = Self.script(
            prepare: """
                import select
                other, epolls, kept = select.epoll(), [select.epoll() for _ in range(20)], []
                def listen():
                    old, peer = socket.socketpair()
                    kept.extend([peer, os.dup(old.fileno())])
                    other.register(old, select.EPOLLOUT)
                    number = old.detach()
                    listener = socket.socket()
                    if listener.fileno() != number:
                        os.dup2(listener.fileno(), number)
                        listener = socket.socket(fileno=number)
                    for epoll in epolls: epoll.register(listener, select.EPOLLIN)
                    listener.bind(("", int(PORT)))
                    listener.listen()
                    return listener
                class Watched:
                    def __init__(self): self.listener = listen()
                    def accept(self):
                        select.select([self.listener], [], [])
                        global result
                        result = sum(event == select.EPOLLIN for epoll in epolls for _, event in epoll.poll(0))
                        return self.listener.accept()
                """,
            listener: "Watched()",
            found: "\"%d:%d\" % (result, len(other.poll(0)))"
        )
        #expect(try Self.found(script) == "20:1")
    }

    @Test func `a program cannot move another socket file into the place of the listener's`() throws {
        try withTemporaryDirectory { directory in
            let path = "\(directory)/web.sock"
            let script = Self.script(
                prepare: """
                    def moved(how):
                        try: how("\(path).new", "\(path)")
                        except PermissionError: return "refused"
                        return "moved"
                    def listen():
                        global result
                        other = socket.socket(socket.AF_UNIX)
                        other.bind("\(path).new")
                        result = moved(os.rename) + moved(os.replace)
                        listener = socket.socket(socket.AF_UNIX)
                        listener.bind("\(path)")
                        listener.listen()
                        return listener
                    """,
                listener: "listen()",
                found: "result"
            )
            let found = try Self.found(script, listen: ["unix:\(path)"])
            #expect(found == "refusedrefused")
        }
    }

    /// As inetd does it: the program has its connection as 0, 1 and 2.
    @Test func `a connection that an executed program has three times counts once`() throws {
        let script = #"""
            import os, signal, socket
            ANSWER = "printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n'; exec cat"
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            listener = socket.create_server(("", int(os.environ["PORT"])))
            while True:
                connection, _ = listener.accept()
                if os.fork() == 0:
                    for fd in range(3): os.dup2(connection.fileno(), fd)
                    os.execv("/bin/sh", ["sh", "-c", ANSWER])
                connection.close()
            """#
        try withTemporaryDirectory { directory in
            try writeFile("\(directory)/server.py", script)
            let control = ServiceControl(in: directory)
            let service = try Service(
                workers: 1,
                worker: ["/usr/bin/python3", "\(directory)/server.py"],
                control: control.path
            )
            let clients = [try TestClient(service.address), try TestClient(service.address)]
            for client in clients { #expect(try client.get("/", keepAlive: true).status == 200) }
            #expect(eventually { (try? control.status().connections.open) == clients.count })
            try service.stop()
        }
    }

    /// Between vfork and exec the memory is the parent's: what the child closes there, the parent still has.
    @Test func `a program that starts others before it listens keeps the socket that it was started with`() throws {
        let script = Self.script(
            prepare: """
                import subprocess
                def listen():
                    if len(sys.argv) == 1:
                        bound = socket.socket()
                        bound.bind(("", int(PORT)))
                        bound.set_inheritable(True)
                        os.execv(sys.executable, [sys.executable, sys.argv[0], str(bound.fileno())])
                    listener = socket.socket(fileno=int(sys.argv[1]))
                    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    subprocess.run(["/bin/true"])
                    listener.listen()
                    return listener
                """,
            listener: "listen()",
            found: "listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)"
        )
        #expect(try Self.found(script) == "1")
    }

    @Test func `a forked child ends while a thread of it waits for input`() throws {
        let script = Self.script(
            prepare: """
                import ctypes, threading, time
                libc = ctypes.CDLL(None)
                libc.fdopen.restype, libc.getc.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
                def listen():
                    listener = socket.create_server(("", int(PORT)))
                    pid = os.fork()
                    if pid == 0:
                        stream = libc.fdopen(os.pipe()[0], b"r")
                        threading.Thread(target=libc.getc, args=(stream,), daemon=True).start()
                        time.sleep(0.2)
                        libc.exit(0)
                    global ended
                    deadline = time.monotonic() + 5
                    while not (ended := os.waitpid(pid, os.WNOHANG)[0] == pid) and time.monotonic() < deadline:
                        time.sleep(0.01)
                    return listener
                """,
            listener: "listen()",
            found: "ended"
        )
        #expect(try Self.found(script) == "True")
    }
}
