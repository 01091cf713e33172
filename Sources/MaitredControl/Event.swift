// SPDX-License-Identifier: Apache-2.0

// Everything the master does that somebody may want to hear of, said once: the log, `maitred events` and the observer of
// an embedding program read the same values.
//
//      master ──emit(Event)──> EventHub ──> log        level, message, fields as metadata
//                                      ├──> ring       the last 1,024, for `events --since`
//                                      ├──> control    one JSON object per line to each subscriber
//                                      └──> observer   the value itself
//
// 1. An event is a fact with its measured times; it is made after the fact.
// 2. Its name is never used for anything else; fields may be added, not removed.
// 3. Nothing happens once per connection: the rate of events does not grow with load.

/// Which worker an event is about.
public struct WorkerIdentity: Sendable, Hashable {
    /// Its number, never used again.
    public let id: Int
    /// Its place in the pool, from 0.
    public let slot: Int
    /// The configuration it was started with: 1 for the first, one more with each reload.
    public let generation: Int
    /// Its first process.
    public let pid: Int

    /// Groups the four.
    public init(id: Int, slot: Int, generation: Int, pid: Int) {
        self.id = id
        self.slot = slot
        self.generation = generation
        self.pid = pid
    }
}

/// Something that happened in a master.
public enum Event: Sendable, Equatable {
    /// To the master as a whole.
    case master(MasterEvent)
    /// To one worker.
    case worker(WorkerIdentity, WorkerEvent)
    /// To one slot of the pool, while it has no worker.
    case slot(Int, SlotEvent)
    /// To a reload, a restart or a recycling.
    case rollout(RolloutEvent)

    /// What it is called, as in `worker-ready`.
    public var name: String { details.name }

    /// How much it matters.
    public var level: EventLevel { details.level }

    /// One sentence for a person, without a full stop.
    public var message: String { details.message }

    /// The facts.
    public var fields: [EventField] { details.fields }

    /// Whether it comes by the clock, whatever happens.
    package var isPeriodic: Bool {
        switch self {
        case .master(.metrics), .worker(_, .metrics): true
        default: false
        }
    }

    private var details: EventDetails {
        switch self {
        case .master(let event): event.details
        case .worker(let worker, let event): event.details(of: worker)
        case .slot(let slot, let event): event.details(of: slot)
        case .rollout(let event): event.details
        }
    }
}

/// What every event has to say, for every reader.
struct EventDetails {
    let name: String
    let level: EventLevel
    let message: String
    let fields: [EventField]

    init(_ name: String, _ level: EventLevel, _ message: String, _ fields: [EventField] = []) {
        self.name = name
        self.level = level
        self.message = message
        self.fields = fields
    }
}

/// "1 worker", "4 workers".
package func counted(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
}

extension Duration {
    /// "350 ms", "12.5 s", "2 h 05 min": for sentences.
    package var shortText: String {
        let milliseconds = Int(seconds * 1000)
        if milliseconds < 1000 { return "\(milliseconds) ms" }
        let seconds = milliseconds / 1000
        if seconds < 100 { return "\(seconds).\(milliseconds % 1000 / 100) s" }
        if seconds < 6000 { return "\(seconds / 60) min" }
        return "\(seconds / 3600) h"
    }
}
