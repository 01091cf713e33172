// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import MaitredWire

@testable import MaitredMaster

/// A connection that a played worker holds.
final class HeldConnection {
    let descriptor: Descriptor
    let packet: HandoffPacket

    init(_ descriptor: consuming Descriptor, _ packet: HandoffPacket) {
        self.descriptor = descriptor
        self.packet = packet
    }

    /// Who is at the other end, by the packet.
    var peer: String { packet.peer?.description ?? "" }

    /// Sends the client a text.
    func answer(_ text: String) {
        _ = text.withCString { send(descriptor.number, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
    }
}

/// A worker without a process: the test takes from its channels and counts on its page, through descriptors of its own.
final class PlayedWorker {
    let link: WorkerLink
    private let channels: [WorkerChannel]
    private let page: WorkerPage

    init(id: Int, listeners: Int = 1, queueDepth: Int = 16) throws {
        let handed = try (0..<listeners).map { _ in try HandoffChannel(queueDepth: queueDepth) }
        let loadPage = try LoadPage()
        link = WorkerLink(id: id, slot: id - 1, channels: handed, page: loadPage)
        channels = try handed.map { try WorkerChannel(owning: $0.workerEnd.descriptor.duplicate()) }
        page = try WorkerPage(adopting: duplicate(of: loadPage))
    }

    /// Takes the next connection, nil when none waits or a knock was taken.
    ///
    /// - Parameter isCounted: Whether the page says so at once.
    func take(from listener: Int = 0, isCounted: Bool = true) -> HeldConnection? {
        switch channels[listener].take() {
        case .connection(let descriptor, let packet):
            if isCounted { page.took() }
            return HeldConnection(descriptor, packet)
        case .knock:
            page.tookKnock()
            return nil
        case .empty: return nil
        case .descriptorLimit: return nil
        case .refused: return nil
        case .closed: return nil
        }
    }

    /// Takes all that wait.
    func takeAll(from listener: Int = 0) -> [HeldConnection] {
        var taken: [HeldConnection] = []
        while let connection = take(from: listener) { taken.append(connection) }
        return taken
    }

    /// Says on the page that something was taken, some time after it was.
    func countTake() {
        page.took()
    }

    /// Says on the page that a connection was closed.
    func countClose() {
        _ = page.closed(1)
    }

    /// Shuts its end down: nothing can be handed to it any more.
    func shutDown(listener: Int = 0) {
        shutdown(channels[listener].end.descriptor.number, Int32(SHUT_RDWR))
    }

    /// Writes over its whole page.
    func scribble(using random: inout SeededRandom) throws {
        let memory = try SharedMemory(adopting: duplicate(of: link.page), size: LoadPage.size)
        for offset in stride(from: 0, to: LoadPage.size, by: 8) {
            let word = [0, 1, UInt64.max, random.next()].randomElement(using: &random)!
            memory.base.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
        }
    }
}

/// A page's memfd under another number, as a worker has it.
private func duplicate(of page: LoadPage) throws(SystemError) -> Descriptor {
    Descriptor(
        owning: try page.withDescriptor { (descriptor) throws(SystemError) in try descriptor.duplicate().release() }
    )
}
