// SPDX-License-Identifier: Apache-2.0

internal import CMaitredWire
internal import MaitredSystem

/// What a control packet is about: `enum maitred_control_type` of `maitred_wire.h`.
package enum ControlType: UInt16, Sendable {
    /// Worker → master: connections may come.
    case ready = 1
    /// Worker → master: a place is free.
    case bell = 2
    /// Either way: the program's own bytes.
    case message = 3
    /// Worker → master: the program listens; a knock that is taken shows whether it takes connections.
    case listens = 4
    /// Master → worker: take no more, finish, exit.
    case drain = 16

    /// Whether the message has a body; that of `message` may come in several fragments.
    package var hasBody: Bool { self == .message || self == .listens }
}

/// The head of one control packet; its body is the rest of the packet.
package struct ControlHead: Equatable, Sendable {
    /// Bytes of a head.
    package static let size = MemoryLayout<maitred_control_head>.size
    /// Bytes of the longest packet, head included.
    package static let packetLimit = Int(MAITRED_CONTROL_PACKET_MAX)
    /// Bytes of the longest body of one fragment.
    package static let bodyLimit = packetLimit - size

    /// The kind of message, as a number: a receiver ignores kinds it does not know.
    package var type: UInt16
    /// Whether another fragment of the same message follows.
    package var more: Bool
    /// Fragments of one message share it.
    package var stream: UInt64

    /// Heads a fragment.
    package init(_ type: ControlType, more: Bool = false, stream: UInt64 = 0) {
        self.type = type.rawValue
        self.more = more
        self.stream = stream
    }

    /// Reads the head of a received packet.
    package init(decoding packet: UnsafeRawBufferPointer) throws(WireError) {
        guard packet.count >= Self.size else {
            throw .length(of: "a control packet", found: packet.count, wanted: Self.size)
        }
        let raw = unsafe packet.loadUnaligned(as: maitred_control_head.self)
        guard raw.version == UInt16(MAITRED_WIRE_VERSION) else {
            throw .version(of: "a control packet", found: Int(raw.version))
        }
        type = raw.type
        more = raw.flags & UInt16(MAITRED_CONTROL_MORE) != 0
        stream = raw.stream
    }

    /// The packet's bytes: this head, then the body.
    package func encoded(body: ArraySlice<UInt8> = []) -> [UInt8] {
        var raw = maitred_control_head()
        raw.version = UInt16(MAITRED_WIRE_VERSION)
        raw.type = type
        raw.flags = more ? UInt16(MAITRED_CONTROL_MORE) : 0
        raw.stream = stream
        return unsafe withUnsafeBytes(of: raw) { unsafe Array($0) } + body
    }
}

/// Cuts a message into packets of at most 64 KiB.
package struct ControlFragments: Sequence, IteratorProtocol {
    private let type: ControlType
    private let stream: UInt64
    private var rest: ArraySlice<UInt8>
    private var isDone = false

    /// - Parameters:
    ///   - type: What the message is.
    ///   - stream: Unique among the sender's messages under way.
    ///   - body: The message.
    package init(_ type: ControlType, stream: UInt64, body: [UInt8]) {
        self.type = type
        self.stream = stream
        rest = body[...]
    }

    /// The next packet.
    package mutating func next() -> [UInt8]? {
        if isDone { return nil }
        let body = rest.prefix(ControlHead.bodyLimit)
        rest = rest.dropFirst(body.count)
        isDone = rest.isEmpty
        return ControlHead(type, more: !isDone, stream: stream).encoded(body: body)
    }
}

/// Puts fragments together again, at an end point only: who merely forwards never gathers.
package struct ControlAssembler {
    private var partial: [UInt64: [UInt8]] = [:]
    /// Streams whose message was refused before its last fragment: the rest must not pass for a message of its own.
    private var refused: Set<UInt64> = []
    private let messageLimit: Int
    private let streamLimit: Int

    /// - Parameters:
    ///   - messageLimit: Bytes of the longest message.
    ///   - streamLimit: Messages under way at once.
    package init(messageLimit: Int = 16 << 20, streamLimit: Int = 64) {
        self.messageLimit = messageLimit
        self.streamLimit = streamLimit
    }

    /// Adds a fragment.
    ///
    /// - Returns: The whole message when this was its last fragment, otherwise nil.
    /// - Throws: `WireError.tooLarge`, once per message: what was gathered of it is forgotten, what still comes is skipped.
    package mutating func add(_ head: ControlHead, _ body: some Sequence<UInt8>) throws(WireError) -> [UInt8]? {
        if refused.contains(head.stream) {
            if !head.more { refused.remove(head.stream) }
            return nil
        }
        var message = partial.removeValue(forKey: head.stream) ?? []
        message.append(contentsOf: body)
        guard message.count <= messageLimit else {
            refuseRest(of: head)
            throw .tooLarge(what: "a message", limit: messageLimit)
        }
        if !head.more { return message }
        guard partial.count < streamLimit else {
            refuseRest(of: head)
            throw .tooLarge(what: "messages under way", limit: streamLimit)
        }
        partial[head.stream] = message
        return nil
    }

    private mutating func refuseRest(of head: ControlHead) {
        // Bounded like everything here; a sender with more refused messages under way gets the rest of some delivered.
        if head.more, refused.count < streamLimit { refused.insert(head.stream) }
    }
}
