// SPDX-License-Identifier: Apache-2.0

// A program that is both master and worker: started by a person it is the master, which starts it again as its workers.
//
//      maitred-example [ADDRESS]      then: curl ADDRESS
//
// What the `cluster` module of Node calls `if (cluster.isPrimary)`.

import Glibc
import MaitredWorker

do {
    let worker = try Worker.attach()
    try serve(worker)
} catch  where error.code == .notManaged {
    // Nobody has started this process as a worker.
    exit(runMaster(listeningOn: CommandLine.arguments.dropFirst().first ?? "127.0.0.1:8080"))
} catch {
    print("maitred-example: \(error)")
    exit(1)
}
