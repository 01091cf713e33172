// SPDX-License-Identifier: Apache-2.0

/// How the worker behaves.
enum Mode: String, CaseIterable {
    /// Serves.
    case normal
    /// Attaches and says nothing more.
    case neverReady = "never-ready"
    /// Says that it is ready, and never takes.
    case neverRead = "never-read"
    /// Says that it is ready, and exits.
    case readyThenExit = "ready-then-exit"
    /// Serves, while a thread writes random bytes over the whole load page.
    case garbagePage = "garbage-page"
    /// Serves, while a thread sends random bytes as control packets.
    case garbageControl = "garbage-control"
    /// Writes into its channel end, says what came of it, and serves.
    case writeChannel = "write-channel"
    /// Tries to change the size of the load page's memory, says what came of it, and serves.
    case truncateMemory = "truncate-memfd"
    /// Shuts its channel ends down in both directions, and serves what comes all the same: nothing.
    case shutdownChannel = "shutdown-channel"
    /// Forks; parent and child serve.
    case forkChild = "fork-child"
    /// Waits before it is ready, then serves.
    case slowStart = "slow-start"
    /// Serves, and does not end when it is told to.
    case ignoreStop = "ignore-stop"
    /// Serves on when it is to finish, and dies of its stop signal at once: a program without a graceful stop.
    case ignoreDrain = "ignore-drain"
    /// Serves, and says the address of each client, and the connection's number, as it takes the connection.
    case tellPeers = "tell-peers"

    /// Every mode, for the usage line.
    static var names: String { allCases.map(\.rawValue).joined(separator: " ") }
}

/// The command line.
struct Arguments {
    private(set) var mode = Mode.normal
    private(set) var exitCode: Int32 = 0
    private(set) var delayMilliseconds: Int32 = 0

    /// Reads the words behind the program's name; nil when they make no sense.
    init?(_ words: ArraySlice<String>) {
        var words = words
        while let name = words.popFirst() {
            guard let value = words.popFirst() else { return nil }
            switch name {
            case "--mode":
                guard let mode = Mode(rawValue: value) else { return nil }
                self.mode = mode
            case "--exit-code":
                guard let code = Int32(value) else { return nil }
                exitCode = code
            case "--delay-ms":
                guard let delay = Int32(value), delay >= 0 else { return nil }
                delayMilliseconds = delay
            default:
                return nil
            }
        }
    }
}
