// SPDX-License-Identifier: Apache-2.0

import MaitredSystem
import Synchronization

/// Runs a plan.
package enum LoadGenerator {
    /// Between two looks at what the threads have published.
    private static let progressInterval: UInt64 = 100_000_000
    /// From the making of the threads to the start: so that all of them are there.
    private static let leadTime: UInt64 = 5_000_000

    /// Sends what a plan says, and returns when its time is over.
    ///
    /// One connection without a request comes first: it finds the address that answers.
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
        let address = try reachableAddress(of: plan)
        var idle = try IdleConnections(plan.idle, to: address, within: plan.timeout)
        let board = LoadBoard()
        let start = MonotonicClock.nanoseconds() + leadTime
        let threads = try startThreads(plan, address, start, board)
        watch(plan, from: start, board, &idle, while: mayGoOn, progress)
        return try result(of: threads.map { $0.join() }, plan)
    }

    /// The first address that somebody listens at.
    private static func reachableAddress(of plan: LoadPlan) throws(LoadFailure) -> SocketAddress {
        var failure = LoadFailure("there is no address to connect to")
        for address in plan.addresses {
            do throws(SystemError) {
                _ = try ClientSocket.connect(to: address, within: plan.timeout)
                return address
            } catch {
                failure = LoadFailure("\(error)")
            }
        }
        throw failure
    }

    private typealias Thread = SystemThread<Result<LoadResult, LoadFailure>>

    /// Starts as many threads as have something to do.
    private static func startThreads(
        _ plan: LoadPlan,
        _ address: SocketAddress,
        _ start: UInt64,
        _ board: LoadBoard
    ) throws(LoadFailure) -> [Thread] {
        let connections =
            switch plan.pace {
            case .closed(let connections): connections
            case .open, .bursts: plan.openLoopConnections
            }
        let count = max(1, min(plan.threads, connections))
        var threads: [Thread] = []
        for index in 0..<count {
            let share = Share(index: index, threads: count)
            let task = LoadTask(plan: plan, address: address, share: share, start: start)
            do throws(SystemError) {
                threads.append(try Thread { run(task, board) })
            } catch {
                board.isStopped.store(true, ordering: .relaxed)
                for thread in threads { _ = thread.join() }
                throw LoadFailure("\(error)")
            }
        }
        return threads
    }

    private static func run(_ task: LoadTask, _ board: LoadBoard) -> Result<LoadResult, LoadFailure> {
        do throws(SystemError) {
            var thread = try LoadThread(task, board)
            return .success(thread.run())
        } catch {
            return .failure(LoadFailure("\(error)"))
        }
    }

    /// Tells the progress until the time is over or the run is ended early.
    private static func watch(
        _ plan: LoadPlan,
        from start: UInt64,
        _ board: LoadBoard,
        _ idle: inout IdleConnections,
        while mayGoOn: () -> Bool,
        _ progress: (LoadProgress) -> Void
    ) {
        let total = plan.warmUp.nanoseconds + plan.duration.nanoseconds
        while true {
            let now = MonotonicClock.nanoseconds()
            let elapsed = now > start ? now - start : 0
            guard elapsed < total else { return }
            idle.reopenEnded()
            progress(
                LoadProgress(
                    elapsed: .nanoseconds(elapsed),
                    total: .nanoseconds(total),
                    isMeasuring: elapsed >= plan.warmUp.nanoseconds,
                    answered: board.answered.load(ordering: .relaxed),
                    failed: board.failed.load(ordering: .relaxed)
                )
            )
            guard mayGoOn() else {
                board.isStopped.store(true, ordering: .relaxed)
                return
            }
            MonotonicClock.rest(nanoseconds: Int(min(progressInterval, total - elapsed)))
        }
    }

    /// Puts together what the threads found.
    private static func result(
        of results: [Result<LoadResult, LoadFailure>],
        _ plan: LoadPlan
    ) throws(LoadFailure) -> LoadResult {
        var all = LoadResult()
        for result in results { all.add(try result.get()) }
        if case .closed = plan.pace { all.serviceTime = all.latency }
        let seconds = (all.time.nanoseconds + 999_999_999) / 1_000_000_000
        all.seconds.removeLast(max(0, all.seconds.count - Int(seconds)))
        return all
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
