// SPDX-License-Identifier: Apache-2.0

/// The likely reason why a program does not become a worker.
package enum StartProblem: Equatable, Sendable {
    /// It sent itself into the background.
    case daemonised
    /// It listens, and does not take what waits.
    case takesNothing
    /// It listened, and ended before it took anything.
    case endedBeforeTaking
    /// An SDK has opened the load page and said nothing more.
    case neverReady
    /// `--no-preload`.
    case libraryTurnedOff
    /// The library is not installed.
    case libraryMissing
    /// The library cannot feed it.
    case unfit(ProgramObstacle)
    /// Somebody between maitred and the program took its variables away.
    case environmentCleared
    /// The loader has not loaded the library, for a reason that cannot be seen from outside.
    case libraryNotLoaded
    /// It listens on an address that is none of the master's, which has a port of its own or only Unix sockets.
    case listensElsewhere(ListeningPlace, hasPort: Bool = true)
    /// It listens on a port of the master's without the library's being asked.
    case bypassesLibrary(ListeningPlace)
    /// It did nothing of all that.
    case neverListened
    /// The same, where the master has only Unix sockets.
    case neverListenedOnFile

    /// For programs that read it; never changes its meaning.
    package var name: String {
        switch self {
        case .daemonised: "daemonised"
        case .takesNothing: "takes-nothing"
        case .endedBeforeTaking: "ended-before-taking"
        case .neverReady: "never-ready"
        case .libraryTurnedOff: "library-turned-off"
        case .libraryMissing: "library-missing"
        case .unfit(let obstacle): obstacle.name
        case .environmentCleared: "environment-cleared"
        case .libraryNotLoaded: "library-not-loaded"
        case .listensElsewhere: "listens-elsewhere"
        case .bypassesLibrary: "bypasses-library"
        case .neverListened, .neverListenedOnFile: "never-listened"
        }
    }

    /// What is added to a line of the log.
    package var clause: String {
        switch self {
        case .daemonised: "daemonised: run it in the foreground"
        case .takesNothing: "it listens and takes no connection: is it still loading?"
        case .endedBeforeTaking: "it had begun to listen, and took no connection"
        case .neverReady: "it uses an SDK, and did not say that it is ready"
        case .libraryTurnedOff: "no SDK said that it is ready, and --no-preload keeps the library out"
        case .libraryMissing: "no SDK said that it is ready, and libmaitred_preload.so is not installed"
        case .unfit(let obstacle): "it \(obstacle.words): only an SDK makes it a worker"
        case .environmentCleared: "its environment was cleared, so the library is not loaded"
        case .libraryNotLoaded: "the library is not loaded into it"
        case .listensElsewhere(let place, let hasPort):
            "it listens on \(place.address) instead: give it \(hasPort ? "$PORT" : "the socket of --listen")"
                + (place.port.map { ", or --app-port \($0)" } ?? "")
        case .bypassesLibrary(let place): "it listens on \(place.address) by itself, past the library"
        case .neverListened, .neverListenedOnFile:
            "it did not listen on an address of maitred's, and no SDK said that it is ready"
        }
    }

    /// What would help, in a sentence each.
    package var advice: [String] {
        switch self {
        case .daemonised:
            ["tell it to stay in the foreground, and start it without '&' (nginx: daemon off;)"]
        case .takesNothing:
            [
                "if its application is still loading, give it more time with --start-timeout",
                "a program that never accepts by the C library's accept cannot be a worker without an SDK",
            ]
        case .endedBeforeTaking: ["see what it wrote before it ended"]
        case .neverReady: ["have it say that it is ready, or give it more time with --start-timeout"]
        case .libraryTurnedOff: ["leave --no-preload out, or use an SDK"]
        case .libraryMissing: ["put libmaitred_preload.so beside maitred, or into ../lib/maitred from there"]
        case .unfit(.gainsPrivileges):
            ["run a copy of it without these, under --worker-user if need be, or use an SDK"]
        case .unfit(.staticallyLinked), .unfit(.otherLibrary), .unfit(.otherMachine):
            ["use a build of it that is linked dynamically with this machine's C library, or an SDK"]
        case .unfit(.makesOwnCalls): ["use an SDK, or the wire by hand (docs/PROTOCOL.md)"]
        case .environmentCleared:
            ["keep LD_PRELOAD, PORT and what begins with MAITRED_ where its environment is cleared"]
        case .libraryNotLoaded:
            ["see what the loader wrote on standard error; its user must be able to read the library"]
        case .listensElsewhere(let place, let hasPort):
            [
                "have it listen on \(hasPort ? "$PORT" : "the socket of --listen")"
                    + (place.port.map { ", or say --app-port \($0)" } ?? "")
                    + (place.isForListen ? ", or serve with --listen \(place.address)" : "")
            ]
        case .bypassesLibrary: ["use an SDK: its system calls do not go through the C library"]
        case .neverListened:
            ["it must listen on $PORT, or another address of maitred's, before --start-timeout has passed"]
        case .neverListenedOnFile:
            ["it must listen on the Unix socket of --listen before --start-timeout has passed"]
        }
    }
}
