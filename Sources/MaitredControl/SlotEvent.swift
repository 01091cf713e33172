// SPDX-License-Identifier: Apache-2.0

/// What happens to a place in the pool while it has no worker.
public enum SlotEvent: Sendable, Equatable {
    /// Its worker ended before it was well; another starts after a while.
    case retrying(failures: Int, after: Duration)
    /// A worker could not be started at all.
    case startFailed(reason: String)
    /// Too many failures in a row: it stays empty until a reload, a restart or a scale.
    case failed(failures: Int)

    func details(of slot: Int) -> EventDetails {
        switch self {
        case .retrying(let failures, let delay):
            EventDetails(
                "slot-retrying",
                .warning,
                "slot \(slot) failed to start: next try in \(delay.shortText)",
                [.whole("slot", slot), .whole("failures", failures), .seconds("after", delay)]
            )
        case .startFailed(let reason):
            EventDetails(
                "start-failed",
                .error,
                "cannot start a worker for slot \(slot): \(reason)",
                [.whole("slot", slot), .text("reason", reason)]
            )
        case .failed(let failures):
            EventDetails(
                "slot-failed",
                .critical,
                "slot \(slot) is given up after \(failures) failed starts in a row",
                [.whole("slot", slot), .whole("failures", failures)]
            )
        }
    }
}
