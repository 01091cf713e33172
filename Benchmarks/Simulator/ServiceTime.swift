// SPDX-License-Identifier: Apache-2.0

/// How long a worker takes for a request, in units of a cheap one.
package enum ServiceTime: Sendable, Equatable {
    /// One unit each.
    case constant

    /// Exponentially distributed, one unit on average.
    case exponential

    /// One unit, but for a share of requests that take so many.
    case mix(share: Double, factor: Double)

    /// What the simulator is for: 1 % of requests 100 times dearer, which makes them half of the work.
    package static let heavyMix = ServiceTime.mix(share: 0.01, factor: 100)

    /// The mean.
    package var mean: Double {
        switch self {
        case .constant, .exponential: 1
        case .mix(let share, let factor): 1 + share * (factor - 1)
        }
    }

    /// The time of one request.
    func draw(_ random: inout RandomStream) -> Double {
        switch self {
        case .constant: 1
        case .exponential: random.exponential(mean: 1)
        case .mix(let share, let factor): random.fraction() <= share ? factor : 1
        }
    }
}
