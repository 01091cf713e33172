// SPDX-License-Identifier: Apache-2.0

internal import MaitredSystem
internal import MaitredWire

/// Turns the control channel's packets into events: a buffer, and the messages of which fragments are still to come.
struct Inbox: ~Copyable {
    private let reader = ControlReader()
    private var assembler = ControlAssembler()

    /// The next event, nil when none is complete.
    ///
    /// Kinds of packets this SDK does not know are skipped.
    mutating func next(from control: borrowing PacketSocket) throws(WireError) -> ControlEvent? {
        while true {
            switch reader.next(from: control) {
            case .packet(let head, let body):
                if let event = try event(head, body) { return event }
            case .refused(let error): throw error
            case .wouldBlock: return nil
            case .closed: return .masterGone
            }
        }
    }

    private mutating func event(_ head: ControlHead, _ body: [UInt8]) throws(WireError) -> ControlEvent? {
        switch ControlType(rawValue: head.type) {
        case .drain: .drain
        case .message: try assembler.add(head, body).map { .message($0) }
        case .ready, .bell, .listens, nil: nil
        }
    }
}
