// SPDX-License-Identifier: Apache-2.0

/// Takes the eligible workers in turn, and makes up for turns that a full worker missed.
///
/// While the set of eligible workers does not change, no two of them differ by more than one connection over any
/// stretch. A worker that is passed over because it is full, for a moment in which it was not scheduled, say, gets the
/// turns it missed as soon as it has room, so that in the end all have the same. One that is busy, held, draining or not
/// ready missed nothing. Ignores weights.
public struct RoundRobin: BalancingStrategy {
    /// Turns that are made up for at most, about a twentieth of a second at full rate.
    ///
    /// A worker that was full for longer is slow, not unlucky.
    static let mostMissed = 1024

    /// Where the next search begins; one past the end is the beginning, unless somebody joins before.
    private var next = 0

    /// Turns each worker missed, by index; shorter than the table until somebody is passed over.
    private var missed: [Int] = []

    /// The sum of `missed`.
    private var missedByAll = 0

    /// A rotation that begins at the first worker.
    public init() {}

    /// The name on the command line.
    public var name: String { StrategyName.roundRobin.rawValue }

    /// False: who is eligible is all it asks.
    public var comparesLoads: Bool { false }

    /// A worker that missed a turn and has room again, else the next eligible worker after the last one.
    public mutating func pick(from table: borrowing LoadTable, for connection: ConnectionFacts) -> Int? {
        if missedByAll > 0, let index = makeUp(in: table) { return index }
        guard let index = table.nextEligible(from: next) else { return nil }
        let turn = next < table.workers.count ? next : 0
        if index != turn { notePassedOver(from: turn, to: index, in: table) }
        next = index &+ 1
        return index
    }

    /// Keeps the turn of the worker that was next.
    public mutating func workerLeft(at index: Int) {
        if index < next { next &-= 1 }
        if index < missed.count { missedByAll &-= missed.remove(at: index) }
    }

    private mutating func makeUp(in table: borrowing LoadTable) -> Int? {
        for index in missed.indices where missed[index] > 0 {
            if table.workers[index].isEligible {
                missed[index] &-= 1
                missedByAll &-= 1
                return index
            }
            if !isMerelyFull(table.workers[index]) { forget(index) }
        }
        return nil
    }

    private mutating func notePassedOver(from turn: Int, to index: Int, in table: borrowing LoadTable) {
        let count = table.workers.count
        while missed.count < count { missed.append(0) }
        var passed = turn
        while passed != index {
            if !isMerelyFull(table.workers[passed]) {
                forget(passed)
            } else if missed[passed] < Self.mostMissed {
                missed[passed] &+= 1
                missedByAll &+= 1
            }
            passed = passed &+ 1 < count ? passed &+ 1 : 0
        }
    }

    private mutating func forget(_ index: Int) {
        missedByAll &-= missed[index]
        missed[index] = 0
    }

    /// Not eligible for no other reason than that it has no room.
    private func isMerelyFull(_ worker: WorkerLoad) -> Bool {
        worker.isReady && !worker.isDraining && !worker.isBusy && !worker.isHeld
    }
}
