// SPDX-License-Identifier: Apache-2.0

internal import CMaitredWire

/// What comes beside the descriptors that a process fetches from the worker socket.
///
/// See `struct maitred_fetch`.
package struct FetchHead: Equatable, Sendable {
    /// Bytes of it.
    package static let size = MemoryLayout<maitred_fetch>.size

    /// The worker's id; 0 for who is no worker's process.
    package let worker: Int
    /// Channels, or listeners.
    package let entrances: Int
    /// Whether they are listeners.
    package let areListeners: Bool

    /// Describes a worker's descriptors.
    package init(worker: Int, entrances: Int, areListeners: Bool) {
        self.worker = worker
        self.entrances = entrances
        self.areListeners = areListeners
    }

    /// What a process gets that is nobody's.
    package static let refusal = FetchHead(worker: 0, entrances: 0, areListeners: false)

    /// As it is sent.
    package func encoded() -> [UInt8] {
        var head = maitred_fetch()
        head.magic = UInt32(MAITRED_FETCH_MAGIC)
        head.version = UInt16(MAITRED_WIRE_VERSION)
        head.flags = areListeners ? UInt16(MAITRED_FETCH_LISTENERS) : 0
        head.worker = UInt32(truncatingIfNeeded: worker)
        head.entrances = UInt32(truncatingIfNeeded: entrances)
        // SAFETY: a plain C struct without padding.
        return unsafe withUnsafeBytes(of: head) { unsafe Array($0) }
    }
}
