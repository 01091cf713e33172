// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import Logging
internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem

/// Where events go: the log, the last ones kept for who asks later, and whoever listens.
final class EventHub {
    /// Events kept, of which a client can ask for those it missed: a few hundred KiB at most.
    static let remembered = 1024

    /// Where the lines go.
    private let log: Logger

    /// Lines that could not be written since the start.
    let lostLines: () -> Int

    /// Everybody else who is told of each event as it happens, in order.
    var listeners: [(EventRecord) -> Void] = []

    private var history: Deque<(moment: Instant, record: EventRecord)> = []
    private var count = 0

    /// A hub without listeners.
    init(log: MasterLog) {
        self.log = log.logger
        lostLines = log.lostCount
    }

    /// Tells everybody.
    func emit(_ event: Event, at now: Instant) {
        write(event)
        count += 1
        let record = EventRecord(sequence: count, time: WallClock.timestamp(), event: event)
        // What comes by the clock would push out what happened.
        if !event.isPeriodic {
            if history.count == Self.remembered { history.removeFirst() }
            history.append((now, record))
        }
        for listener in listeners { listener(record) }
    }

    /// The events kept that happened at a moment or later, oldest first.
    func records(since moment: Instant) -> [EventRecord] {
        history.lazy.filter { $0.moment >= moment }.map(\.record)
    }

    private func write(_ event: Event) {
        let level = Logger.Level(event.level)
        guard log.logLevel <= level else { return }
        var metadata = Logger.Metadata()
        for field in event.fields { metadata[field.name] = "\(field.value)" }
        log.log(level: level, "\(event.message)", metadata: metadata)
    }
}

extension Logger.Level {
    /// The level of an event.
    fileprivate init(_ level: EventLevel) {
        switch level {
        case .debug: self = .debug
        case .info: self = .info
        case .notice: self = .notice
        case .warning: self = .warning
        case .error: self = .error
        case .critical: self = .critical
        }
    }
}
