// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import MaitredBalance
import MaitredConfig
import MaitredControl
import MaitredMaster

/// Fills one worker before it troubles the next: a strategy of the program's own.
struct FirstWithRoom: BalancingStrategy {
    /// Connections that a worker can have before the next gets any.
    let room: Int

    var name: String { "first-with-room" }

    func pick(from table: borrowing LoadTable, for connection: ConnectionFacts) -> Int? {
        for index in table.workers.indices where table.workers[index].isEligible && table.workers[index].open < room {
            return index
        }
        return table.nextEligible(from: 0)
    }
}

/// Runs two workers of this very program until it is told to stop.
///
/// - Returns: The exit status.
func runMaster(listeningOn address: String) -> CInt {
    do {
        var configuration = Configuration(
            listen: [try ListenSpecification(address)],
            command: ["/proc/self/exe"],
            workers: 2
        )
        configuration.name = "maitred-example"
        let log = Logger(label: "example") { StreamLogHandler.standardError(label: $0) }
        let master = try EmbeddedMaster(configuration, strategy: FirstWithRoom(room: 1), log: log)
        let handle = master.handle
        Task.detached {
            for await record in handle.events where record.event.name == "worker-ready" {
                log.notice("heard: \(record.event.message)")
            }
        }
        return master.run()
    } catch {
        print("maitred-example: \(error)")
        return 1
    }
}
