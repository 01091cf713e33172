// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem

/// Runs a body in which no descriptor can be opened but `spare`. For exit tests only: the limit is the process's.
///
/// The test runner needs descriptors again afterwards, so the limit is put back.
package func withDescriptorsExhausted(leaving spare: Int = 0, _ body: () throws -> Void) throws {
    waitForRuntime()
    let own = try DescriptorLimit.current()
    var fillers: [Int32] = []
    // Lowest numbers are given out first: when the last one below the limit comes, no other is free.
    let limit = min(200, own.soft)
    while fillers.last ?? 0 < Int32(limit) - 1 { fillers.append(try Descriptor.null().release()) }
    setSoftLimit(limit)
    for number in fillers.suffix(spare) { close(number) }
    fillers.removeLast(spare)
    defer {
        setSoftLimit(own.soft)
        for number in fillers { close(number) }
    }
    try body()
}

/// Sets the soft RLIMIT_NOFILE of this process.
package func setSoftLimit(_ soft: UInt64) {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = rlim_t(soft)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
