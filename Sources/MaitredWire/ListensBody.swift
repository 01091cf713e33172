// SPDX-License-Identifier: Apache-2.0

internal import CMaitredWire

/// What a program has opened: the body of a `listens` packet.
///
/// See `struct maitred_listens`. It comes from the worker: numbers may be anything.
package struct ListensBody: Equatable, Sendable {
    /// Bytes of it.
    private static let size = MemoryLayout<maitred_listens>.size

    /// The listener whose channel the program takes from.
    package let entrance: Int

    private let listeners: UInt32

    /// Reads a body; nil when it has another length.
    package init?(decoding body: [UInt8]) {
        guard body.count == Self.size else { return nil }
        let raw = unsafe body.withUnsafeBytes { unsafe $0.loadUnaligned(as: maitred_listens.self) }
        entrance = Int(raw.entrance)
        listeners = raw.listeners
    }

    /// Whether what comes to a listener is for the program.
    package func serves(_ listener: Int) -> Bool {
        (0..<32).contains(listener) && listeners & UInt32(1) << UInt32(listener) != 0
    }
}
