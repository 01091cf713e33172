// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// `maitred bench`: load, and what strategies make of it.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put a server under load, and compare the strategies.",
        subcommands: [BenchLoad.self, BenchStrategies.self]
    )
}
