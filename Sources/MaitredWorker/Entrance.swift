// SPDX-License-Identifier: Apache-2.0

internal import MaitredSystem
internal import MaitredWire

/// What the connections of one listener come through.
enum Entrance: Sendable {
    /// The master hands them over.
    case channel(WorkerChannel)
    /// The worker accepts them itself.
    case listener(WorkerListener)

    /// Takes over all that an environment names.
    static func claim(_ entrances: Entrances) throws -> [Entrance] {
        var claimed: [Entrance] = []
        for (index, reference) in entrances.references.enumerated() {
            let descriptor = try reference.claim(for: entrances.variable)
            switch entrances {
            case .channels: claimed.append(.channel(try WorkerChannel(owning: descriptor)))
            case .listeners: claimed.append(.listener(try WorkerListener(owning: descriptor, index: index)))
            }
        }
        return claimed
    }

    /// The descriptor to watch.
    var number: Int32 {
        switch self {
        case .channel(let channel): channel.end.descriptor.number
        case .listener(let listener): listener.number
        }
    }

    /// Whether it is of use to watch it.
    ///
    /// Nothing comes through a channel after a drain. A listener that others share stays readable for as long as somebody
    /// waits there.
    func isWorthWatching(isDraining: Bool) -> Bool {
        switch self {
        case .channel: true
        case .listener(let listener): listener.isOpen && !isDraining
        }
    }
}
