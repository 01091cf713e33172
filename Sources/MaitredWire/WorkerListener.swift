// SPDX-License-Identifier: Apache-2.0

internal import Glibc
package import MaitredSystem
internal import Synchronization

/// A listener that this worker accepts from itself: the kernel gives a connection to whoever is first.
///
/// Any number of threads and processes may take from it. Whether it is shared with other workers or the worker's own is
/// nothing that shows here.
package final class WorkerListener: Sendable {
    /// Clients that may wait at first; the master sets what was configured once the worker is ready.
    private static let backlog: CInt = 4096

    private let socket: ListeningSocket
    private let index: Int
    private let accepted = Atomic<UInt64>(0)
    private let isListening: Atomic<Bool>

    /// Takes over the socket of a listener's index, which may not listen yet.
    ///
    /// - Throws: EINVAL when it is no stream socket.
    package init(owning descriptor: consuming Descriptor, index: Int) throws(SystemError) {
        socket = try ListeningSocket.adopt(bound: descriptor)
        self.index = index
        isListening = Atomic(socket.isListening)
    }

    /// Lets clients in, where nobody did so yet: the worker is ready.
    package func open() throws(SystemError) {
        guard !isListening.load(ordering: .acquiring) else { return }
        try socket.startListening(backlog: Self.backlog)
        isListening.store(true, ordering: .releasing)
    }

    /// Whether something can come: before `open` a poll would report an end.
    package var isOpen: Bool { isListening.load(ordering: .acquiring) }

    /// The descriptor to watch: readable means that somebody waits, whom another worker may get.
    package var number: CInt { socket.descriptor.number }

    /// Accepts the next connection.
    ///
    /// Never waits. The packet's sequence counts what this process accepted here.
    package func take() -> Taken {
        guard isOpen else { return .empty }
        var packet = HandoffPacket()
        while true {
            switch packet.accept(from: socket, listener: index, 0) {
            case .accepted(let connection):
                packet.sequence = accepted.wrappingAdd(1, ordering: .relaxed).oldValue
                return .connection(connection, packet)
            case .wouldBlock: return .empty
            case .connectionFailed: continue
            // Shut down: the master's way to let nobody in any more.
            case .exhausted(errno: EINVAL): return .closed
            // At another limit than that on descriptors too: accepting again at once would fail again.
            case .exhausted: return .descriptorLimit
            }
        }
    }
}
