// SPDX-License-Identifier: Apache-2.0

import CMaitredLinux
import Glibc
import MaitredSystem
import MaitredWire

// What a faulty worker may do with what it was given. The descriptor numbers come from the environment, as for a
// program that knows nothing of the SDK.

/// Writes random bytes over the whole load page, for ever, in a thread of its own.
func scribbleOverPage() {
    let number = ownEnvironment.load.number
    startMischief {
        let page = mmap(nil, LoadPage.size, PROT_READ | PROT_WRITE, MAP_SHARED, number, 0)!
        while true {
            arc4random_buf(page, LoadPage.size)
            // The machine is shared with what is tested: a thousand pages a second are garbage enough.
            _ = poll(nil, 0, 1)
        }
    }
}

/// Sends packets of random bytes to the master, as fast as it takes them, in a thread of its own.
func babbleIntoControl() {
    let number = ownEnvironment.control.number
    startMischief {
        while true {
            var packet = [UInt8](repeating: 0, count: Int.random(in: 1...2000))
            packet.withUnsafeMutableBytes { arc4random_buf($0.baseAddress!, $0.count) }
            // Every other one gets past the version, to whatever looks at the type.
            if packet.count >= ControlHead.size, Bool.random() {
                packet.replaceSubrange(0..<4, with: [1, 0, [1, 2, 3, 16, 200].randomElement()!, 0])
            }
            if packet.withUnsafeBytes({ maitred_linux_send(number, $0.baseAddress, $0.count, -1) }) < 0 {
                if errno == EPIPE || errno == ECONNRESET { return }
                _ = poll(nil, 0, 1)
            }
        }
    }
}

/// Sends into the channels, which carry connections one way only.
func writeIntoChannel() {
    let packet = [UInt8](repeating: 0x55, count: HandoffPacket.size)
    for reference in ownEnvironment.entrances.references {
        let sent = packet.withUnsafeBytes { maitred_linux_send(reference.number, $0.baseAddress, $0.count, -1) }
        say("write-channel \(outcome(sent))")
    }
}

/// Tries to pull the memory away under the master.
func truncateMemory() {
    say("truncate-memfd \(outcome(Int(ftruncate(ownEnvironment.load.number, 0))))")
}

/// Ends the channels for both sides.
func shutDownChannel() {
    for reference in ownEnvironment.entrances.references {
        say("shutdown-channel \(outcome(Int(shutdown(reference.number, Int32(SHUT_RDWR)))))")
    }
}

/// Forks: 0 in the child, the child's pid in the parent.
func makeChild() -> Int32 {
    let pid = maitred_linux_fork()
    guard pid >= 0 else {
        say("fork \(outcome(-1))")
        exit(1)
    }
    return pid
}

private let ownEnvironment: WorkerEnvironment = {
    let found = try? WorkerEnvironment.parse { name in getenv(name).map { String(cString: $0) } }
    guard let found else { preconditionFailure("attached, but the environment makes no sense") }
    return found
}()

/// "ok", or the name of the error.
private func outcome(_ result: Int) -> String {
    if result >= 0 { return "ok" }
    return maitred_linux_errno_name(errno).map { String(cString: $0) } ?? "errno \(errno)"
}

private func startMischief(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Mischief(body))
    let result = pthread_create(
        &thread,
        nil,
        { argument in
            Unmanaged<Mischief>.fromOpaque(argument!).takeRetainedValue().body()
            return nil
        },
        box.toOpaque()
    )
    precondition(result == 0, "cannot start a thread: errno \(result)")
    pthread_detach(thread)
}

private final class Mischief: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }
}
