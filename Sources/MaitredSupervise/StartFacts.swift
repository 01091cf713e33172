// SPDX-License-Identifier: Apache-2.0

// Why a start failed: facts in, the likely reason out.
//
//      files ───────> ProgramObstacle ──┐
//      /proc ───────> ProcessLook ──────┼──> StartFacts ──> StartProblem ──> a clause in the log, advice for a person
//      the worker's own words ──────────┘
//
// 1. What could not be seen (nil) proves nothing.
// 2. What the worker said comes before what its processes show, and that before what the file of its command says.

/// A socket that a process of a worker has opened by itself and listens on.
package struct ListeningPlace: Equatable, Sendable {
    /// "127.0.0.1:3000", "unix:/run/x.sock".
    package let address: String
    /// Nil for a Unix socket.
    package let port: UInt16?

    /// Groups the two.
    package init(address: String, port: UInt16?) {
        self.address = address
        self.port = port
    }

    /// Whether `--listen` takes it: a Unix socket needs a file.
    var isForListen: Bool { port != nil || address.hasPrefix("unix:/") }
}

/// One process of a worker at one moment.
package struct ProcessLook: Equatable, Sendable {
    /// Its number.
    package let pid: Int32
    /// Its command line, for a person.
    package let command: String
    /// What keeps the library out of it, as the file that it runs says.
    package let obstacle: ProgramObstacle?
    /// Whether it has the preload library in its memory.
    package let hasLibrary: Bool?
    /// Whether it was started with the variables of a worker.
    package let hasVariables: Bool?
    /// Where it listens by itself.
    package let places: [ListeningPlace]

    /// Groups the six.
    package init(
        pid: Int32,
        command: String,
        obstacle: ProgramObstacle? = nil,
        hasLibrary: Bool? = nil,
        hasVariables: Bool? = nil,
        places: [ListeningPlace] = []
    ) {
        self.pid = pid
        self.command = command
        self.obstacle = obstacle
        self.hasLibrary = hasLibrary
        self.hasVariables = hasVariables
        self.places = places
    }

    /// Why the library does not feed this process; nil when nothing speaks against it.
    fileprivate var problem: StartProblem? {
        if let obstacle, hasLibrary != true || obstacle == .makesOwnCalls { return .unfit(obstacle) }
        guard hasLibrary == false else { return nil }
        return hasVariables == false ? .environmentCleared : .libraryNotLoaded
    }
}

/// Everything that is known of a worker that did not become ready.
package struct StartFacts: Equatable, Sendable {
    /// Whether workers get the preload library.
    package enum Library: Equatable, Sendable {
        /// They do.
        case given
        /// `--no-preload` was given.
        case turnedOff
        /// It is not installed where it is looked for.
        case missing
    }

    /// Whether workers get the preload library.
    package var library: Library
    /// What keeps the library out of the program, as the file of the command says.
    package var program: ProgramObstacle?
    /// Whether the command clears its own environment, by `env -i`.
    package var clearsEnvironment = false
    /// Ports of the master's listeners; none when all are Unix sockets, and then workers have no PORT of maitred's.
    package var ports: [UInt16] = []
    /// Whether it said that it listens.
    package var hasListened = false
    /// Whether a process of it has taken a row of the load page, as SDKs do.
    package var hasAttached = false
    /// Whether its first process has ended by itself.
    package var hasEnded = false
    /// Whether it ended as if all was well, and processes of it live on.
    package var hasLeftProcesses = false
    /// Its processes as they were seen last.
    package var processes: [ProcessLook] = []

    /// Facts about a worker that has done nothing yet.
    package init(library: Library) {
        self.library = library
    }

    /// The likely reason why it was not ready; nil when its end says all there is.
    package var problem: StartProblem? {
        if hasLeftProcesses { return .daemonised }
        if hasListened { return hasEnded ? .endedBeforeTaking : .takesNothing }
        if hasAttached { return hasEnded ? nil : .neverReady }
        switch library {
        case .turnedOff: return hasEnded ? nil : .libraryTurnedOff
        case .missing: return .libraryMissing
        case .given: return listenerProblem ?? otherProblem ?? (hasEnded ? nil : silence)
        }
    }

    /// Of a process that listens by itself: that is the server.
    private var listenerProblem: StartProblem? {
        guard let server = processes.first(where: { !$0.places.isEmpty }) else { return nil }
        if let problem = server.problem { return problem }
        let place = server.places.first { $0.port != nil } ?? server.places[0]
        let isOurs = place.port.map(ports.contains) ?? false
        return isOurs ? .bypassesLibrary(place) : .listensElsewhere(place, hasPort: !ports.isEmpty)
    }

    private var silence: StartProblem { ports.isEmpty ? .neverListenedOnFile : .neverListened }

    private var otherProblem: StartProblem? {
        if let problem = processes.lazy.compactMap(\.problem).first { return problem }
        if let program { return .unfit(program) }
        return clearsEnvironment ? .environmentCleared : nil
    }
}
