// SPDX-License-Identifier: Apache-2.0

import HeapModule

/// What strategies are measured against: one queue, first in, first out, and whoever is free takes from it.
///
/// Nothing is ever assigned to a worker that is not free, so nobody is free while something waits. A strategy has to
/// assign each connection when it comes, and neither of them knows how long it will take. In the long run no
/// strategy waits less on average. A median can be lower: where dear requests are kept together on a few workers,
/// most of the cheap ones are behind none.
package enum IdealQueue {
    /// Serves all requests of a scenario.
    package static func run(_ scenario: Scenario) -> Outcome {
        var record = Record(scenario)
        // When each place becomes free: no other event matters.
        var places = Heap(Array(repeating: 0.0, count: scenario.workers * scenario.servedAtOnce))
        for request in RequestStream(scenario) {
            let start = max(request.arrival, places.min ?? 0)
            record.begins(request, at: start)
            places.replaceMin(with: start + request.cost)
        }
        return record.outcome()
    }
}
