// SPDX-License-Identifier: Apache-2.0

import MaitredTesting

/// What several threads took.
final class TakeLog: Sendable {
    private let numbers = Guarded<[UInt64]>([])

    func add(_ number: UInt64) {
        numbers.withLock { $0.append(number) }
    }

    var count: Int { numbers.withLock { $0.count } }

    var sorted: [UInt64] { numbers.withLock { $0.sorted() } }
}
