// SPDX-License-Identifier: Apache-2.0

import Glibc

/// When one thread of an open loop means to send its requests: moments in nanoseconds after the start, never falling.
///
/// A rate that rises at first is the same requests with time stretched: the n-th is due when so many should have been
/// sent. That leaves equal intervals equal and random ones random.
///
/// The threads' moments together are those of one thread; of a Poisson process, as likely as those.
struct Schedule {
    private enum Kind {
        /// The position counts the requests of all threads, those of this thread being every `step`-th.
        case constant(position: Double, step: Double)
        /// The position moves by random steps that are as long on average.
        case poisson(position: Double, step: Double, random: SplitMix64)
        /// So many requests of a burst are still to be sent; `all` is a full one of all threads.
        case bursts(number: UInt64, left: Int, all: Int, every: UInt64)
    }

    private var kind: Kind
    private let perSecond: Double
    private let ramp: UInt64
    private let share: Share

    /// The moment at which the next request is due; .max when none will ever be.
    private(set) var next: UInt64 = .max

    /// - Parameters:
    ///   - pace: Any; a closed loop has no moments.
    ///   - ramp: The time in nanoseconds in which the rate, or the size of bursts, rises to all of it.
    ///   - share: Which of the threads it is for.
    ///   - random: Where random moments come from.
    init(_ pace: LoadPlan.Pace, ramp: UInt64, share: Share, random: SplitMix64) {
        self.ramp = ramp
        self.share = share
        let step = Double(share.threads)
        switch pace {
        case .closed:
            perSecond = 0
            kind = .constant(position: 0, step: step)
        case .open(let perSecond, .constant):
            self.perSecond = perSecond
            kind = .constant(position: Double(share.index), step: step)
        case .open(let perSecond, .poisson):
            self.perSecond = perSecond
            var random = random
            kind = .poisson(position: random.exponential() * step, step: step, random: random)
        case .bursts(let all, let every):
            perSecond = 0
            kind = .bursts(number: 0, left: 0, all: all, every: max(1, every.nanoseconds))
        }
        settle()
    }

    /// Goes on to the next request.
    mutating func advance() {
        switch kind {
        case .constant(let position, let step):
            kind = .constant(position: position + step, step: step)
        case .poisson(let position, let step, var random):
            let position = position + random.exponential() * step
            kind = .poisson(position: position, step: step, random: random)
        case .bursts(let number, let left, let all, let every):
            kind = .bursts(number: left > 1 ? number : number + 1, left: left - 1, all: all, every: every)
        }
        settle()
    }

    /// Finds the moment of the position.
    private mutating func settle() {
        switch kind {
        case .constant(let position, _), .poisson(let position, _, _):
            next = moment(at: position)
        case .bursts(var number, var left, let all, let every):
            // The first bursts of a ramp may have nothing for this thread.
            while left <= 0, share.part(of: all) > 0 {
                left = share.part(of: rampedSize(all, at: number &* every))
                if left == 0 { number += 1 }
            }
            kind = .bursts(number: number, left: left, all: all, every: every)
            next = left > 0 ? number &* every : .max
        }
    }

    /// The moment at which so many requests should have been sent by all threads together.
    private func moment(at position: Double) -> UInt64 {
        guard perSecond > 0 else { return .max }
        let perNanosecond = perSecond / 1e9
        // While the rate rises, the number grows with the square of time: half as many as at full rate in the end.
        let inRamp = perNanosecond * Double(ramp) / 2
        let moment =
            position < inRamp
            ? (2 * Double(ramp) * position / perNanosecond).squareRoot()
            : Double(ramp) + (position - inRamp) / perNanosecond
        return moment < 0x1p63 ? UInt64(moment) : .max
    }

    private func rampedSize(_ all: Int, at moment: UInt64) -> Int {
        moment >= ramp ? all : Int(Double(all) * (Double(moment) / Double(ramp)))
    }
}

/// One thread of several, and what part of everything falls to it.
struct Share: Equatable, Sendable {
    /// 0 ..< threads.
    let index: Int
    /// At least 1.
    let threads: Int

    /// Its part of things that are dealt out one by one.
    func part(of all: Int) -> Int {
        all / threads + (index < all % threads ? 1 : 0)
    }
}

extension SplitMix64 {
    /// An exponentially distributed number with mean 1.
    fileprivate mutating func exponential() -> Double {
        // 53 bits, from just above 0 to 1: its logarithm is finite.
        -log((Double(next() >> 11) + 1) * 0x1p-53)
    }
}
