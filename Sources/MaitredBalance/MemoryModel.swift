// SPDX-License-Identifier: Apache-2.0

/// What is known about one worker's memory, and what a further connection is expected to add.
///
/// Samples come about once a second, connections by the thousand. A strategy that looked at the samples alone would
/// give every connection between two of them to the same worker, so the model adds what has been handed since.
public struct MemoryModel: Sendable, Equatable {
    /// Bytes in use at the last credible sample, or nil before the first.
    public internal(set) var lastSample: Int?

    /// Connections handed to the worker since the last sample.
    public internal(set) var handedSinceSample = 0

    /// Bytes that one more open connection is expected to cost, learned from sample to sample.
    public internal(set) var bytesPerConnection: Int

    /// Connections that were open when the last sample was taken.
    private var openAtSample = 0

    /// Expectation for a worker of which nothing is known.
    ///
    /// 64 KiB: an idle HTTP connection costs a few KiB, one with buffers and a request in work some hundred. It is
    /// soon replaced by what is learned.
    static let assumedBytesPerConnection = 64 << 10

    /// Least that a connection is taken to cost, in bytes.
    ///
    /// 16 KiB, and never zero: a program that reuses its memory does not grow at all, and a burst between two samples
    /// still has to spread.
    static let minimumBytesPerConnection = 16 << 10

    /// Most that a connection is taken to cost, in bytes: 1 GiB, far above what is plausible.
    static let maximumBytesPerConnection = 1 << 30

    /// Largest sample that is believed, in bytes: 1 PiB, more than any machine has.
    static let maximumSample = 1 << 50

    /// A worker without samples.
    init(bytesPerConnection: Int) {
        self.bytesPerConnection = bytesPerConnection
    }

    /// Bytes that the worker is expected to use now.
    ///
    /// Before the first sample its open connections are all that is known. No overflow: 2^50 + 2^31 × 2^30 < 2^63.
    func predicted(open: Int) -> Int {
        guard let lastSample else { return open &* bytesPerConnection }
        return lastSample &+ handedSinceSample &* bytesPerConnection
    }

    /// Takes in a sample, unless it cannot be true.
    ///
    /// A sample that is refused leaves everything as it was, the count of handed connections too.
    ///
    /// - Parameters:
    ///   - bytes: memory in use.
    ///   - open: connections open at that moment.
    mutating func sampled(bytes: Int, open: Int) {
        guard bytes > 0, bytes <= Self.maximumSample else { return }
        if let lastSample {
            learn(growth: bytes - lastSample, opened: open - openAtSample)
        }
        lastSample = bytes
        openAtSample = open
        handedSinceSample = 0
    }

    /// Moves the learned cost towards what the last interval showed.
    ///
    /// Only intervals in which the worker gained connections teach anything: most allocators keep what a closed
    /// connection frees. One interval counts the more the more connections it saw, at most a quarter, and may claim at
    /// most four times (at least a fourth of) what is believed. So a garbage collection, a cache being filled
    /// or a wild number moves the estimate by a factor of 1.75 at most.
    private mutating func learn(growth: Int, opened: Int) {
        guard opened > 0 else { return }
        let claimed = max(growth, 0) / opened
        let credible = min(max(claimed, bytesPerConnection / 4), bytesPerConnection * 4)
        let moved = bytesPerConnection + (credible - bytesPerConnection) * min(opened, 16) / 64
        bytesPerConnection = min(max(moved, Self.minimumBytesPerConnection), Self.maximumBytesPerConnection)
    }
}
