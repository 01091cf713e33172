// SPDX-License-Identifier: Apache-2.0

/// Runs a plan.
package enum LoadGenerator {
    /// Sends what a plan says, and returns when its time is over.
    ///
    /// - Parameters:
    ///   - plan: What to do.
    ///   - mayGoOn: Asked several times a second; false ends the run early, with what was found so far.
    ///   - progress: Told several times a second how far the run is, on the calling thread.
    /// - Returns: What was found.
    /// - Throws: `LoadFailure` when nothing can be sent at all.
    package static func run(
        _ plan: LoadPlan,
        while mayGoOn: () -> Bool = { true },
        progress: (LoadProgress) -> Void = { _ in }
    ) throws(LoadFailure) -> LoadResult {
        throw LoadFailure("there is no engine")
    }
}

/// Why a run could not begin, in one line.
package struct LoadFailure: Error, CustomStringConvertible {
    /// One line, lower case, without the program's name.
    package let description: String

    /// A reason.
    package init(_ description: String) {
        self.description = description
    }
}
