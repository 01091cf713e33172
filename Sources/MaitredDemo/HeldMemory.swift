// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Memory that is allocated, written and never given back.
final class HeldMemory: Sendable {
    private let blocks = Mutex<[[UInt8]]>([])

    /// Holds more.
    ///
    /// - Parameter mebibytes: How much more.
    /// - Returns: Bytes held by now.
    func grow(mebibytes: Int) -> Int {
        blocks.withLock { blocks in
            // Not zero: pages of zeros may come from the kernel without being touched.
            blocks.append([UInt8](repeating: 1, count: mebibytes << 20))
            return blocks.reduce(0) { $0 + $1.count }
        }
    }
}
