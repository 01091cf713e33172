// SPDX-License-Identifier: Apache-2.0

/// When requests come.
package enum ArrivalProcess: Sendable, Equatable {
    /// Independently of each other: the time between two is exponentially distributed.
    case poisson

    /// One after each equal stretch of time.
    case constant

    /// So many at the same moment, after each equal stretch of time.
    case bursts(of: Int)

    /// The time from a request to the next.
    ///
    /// - Parameters:
    ///   - number: the number of the next request, from 0.
    ///   - mean: the mean time between two requests.
    ///   - random: where chance comes from.
    /// - Returns: 0 for requests that come at the same moment.
    func gap(before number: Int, mean: Double, _ random: inout RandomStream) -> Double {
        switch self {
        case .poisson: random.exponential(mean: mean)
        case .constant: mean
        case .bursts(let size): number.isMultiple(of: max(size, 1)) ? mean * Double(max(size, 1)) : 0
        }
    }
}
