// SPDX-License-Identifier: Apache-2.0

import MaitredSupervise
import Testing

struct ProgramTraitsTests {
    @Test(
        arguments: [
            (nil, .none), ("", .otherLibrary(loader: "")), ("/lib64/ld-linux-x86-64.so.2", .gnu),
            ("/nix/store/x-glibc/lib/ld-linux-aarch64.so.1", .gnu), ("/lib64/ld64.so.2", .gnu),
            ("/lib/ld-musl-x86_64.so.1", .otherLibrary(loader: "ld-musl-x86_64.so.1")),
            ("/system/bin/linker64", .otherLibrary(loader: "linker64")),
        ] as [(String?, ProgramTraits.Linkage)]
    )
    func `a loader tells the C library`(loader: String?, linkage: ProgramTraits.Linkage) {
        #expect(ProgramTraits.linkage(loader: loader) == linkage)
    }

    @Test func `the first thing that would have to change is named`() {
        #expect(ProgramTraits(linkage: .gnu).obstacle == nil)
        #expect(ProgramTraits(linkage: .gnu, makesOwnCalls: true).obstacle == .makesOwnCalls)
        #expect(ProgramTraits(linkage: .gnu, gainsPrivileges: true, makesOwnCalls: true).obstacle == .gainsPrivileges)
        #expect(ProgramTraits(linkage: .none, makesOwnCalls: true).obstacle == .staticallyLinked)
        #expect(ProgramTraits(linkage: .otherMachine, gainsPrivileges: true).obstacle == .otherMachine)
    }
}

struct StartFactsTests {
    private static let here = ListeningPlace(address: "127.0.0.1:3000", port: 3000)
    private static let file = ListeningPlace(address: "unix:/run/x", port: nil)

    private func problem(_ change: @escaping (inout StartFacts) -> Void) -> StartProblem? {
        var facts = StartFacts(library: .given)
        facts.ports = [8080]
        change(&facts)
        return facts.problem
    }

    private func process(
        _ obstacle: ProgramObstacle? = nil,
        library: Bool? = true,
        variables: Bool? = true,
        at places: ListeningPlace...
    ) -> ProcessLook {
        ProcessLook(
            pid: 1,
            command: "server",
            obstacle: obstacle,
            hasLibrary: library,
            hasVariables: variables,
            places: places
        )
    }

    @Test func `who does nothing never listened, and who ends has said it all`() {
        #expect(problem { _ in } == .neverListened)
        #expect(problem { $0.processes = [process(), process()] } == .neverListened)
        #expect(problem { $0.hasEnded = true } == nil)
    }

    @Test func `what the worker said comes before what is seen`() {
        #expect(problem { ($0.hasListened, $0.program) = (true, .staticallyLinked) } == .takesNothing)
        #expect(problem { ($0.hasListened, $0.hasEnded) = (true, true) } == .endedBeforeTaking)
        #expect(problem { ($0.hasAttached, $0.program) = (true, .staticallyLinked) } == .neverReady)
        #expect(problem { ($0.hasAttached, $0.hasEnded, $0.program) = (true, true, .staticallyLinked) } == nil)
    }

    @Test func `who went into the background did so, whatever else is true`() {
        #expect(problem { ($0.hasLeftProcesses, $0.hasEnded, $0.hasListened) = (true, true, true) } == .daemonised)
        #expect(problem { ($0.hasLeftProcesses, $0.hasEnded, $0.library) = (true, true, .turnedOff) } == .daemonised)
    }

    @Test func `a server elsewhere is named with the first of its ports`() {
        #expect(problem { $0.processes = [process(), process(at: Self.here)] } == .listensElsewhere(Self.here))
        #expect(problem { $0.processes = [process(at: Self.file, Self.here)] } == .listensElsewhere(Self.here))
        #expect(problem { $0.processes = [process(at: Self.file)] } == .listensElsewhere(Self.file))
        #expect(
            problem { ($0.processes, $0.hasEnded) = ([process(at: Self.here)], true) } == .listensElsewhere(Self.here)
        )
    }

    @Test func `on a port of the master's it went past the library`() {
        let place = ListeningPlace(address: "127.0.0.2:8080", port: 8080)
        #expect(problem { $0.processes = [process(at: place)] } == .bypassesLibrary(place))
    }

    @Test(arguments: [
        ProgramObstacle.staticallyLinked, .otherLibrary(loader: "ld-musl.so"), .otherMachine, .gainsPrivileges,
        .makesOwnCalls,
    ])
    func `what keeps the library out of a server comes before where it listens`(obstacle: ProgramObstacle) {
        let server = process(obstacle, library: false, at: Self.here)
        #expect(problem { $0.processes = [process(), server] } == .unfit(obstacle))
        #expect(problem { $0.program = obstacle } == .unfit(obstacle))
        #expect(problem { ($0.program, $0.hasEnded) = (obstacle, true) } == .unfit(obstacle))
    }

    @Test func `what a server is comes before what the command's file is`() {
        let server = process(at: Self.here)
        #expect(problem { ($0.program, $0.processes) = (.staticallyLinked, [server]) } == .listensElsewhere(Self.here))
    }

    @Test func `a file that should be an obstacle is none once the library is loaded`() {
        let loaded = process(.gainsPrivileges, at: Self.here)
        #expect(problem { $0.processes = [loaded] } == .listensElsewhere(Self.here))
        #expect(problem { $0.processes = [process(.makesOwnCalls, at: Self.here)] } == .unfit(.makesOwnCalls))
    }

    @Test func `without the library in it a program's environment tells why`() {
        #expect(problem { $0.processes = [process(library: false, variables: false)] } == .environmentCleared)
        #expect(problem { $0.processes = [process(library: false, variables: true)] } == .libraryNotLoaded)
        #expect(problem { $0.processes = [process(library: false, variables: nil)] } == .libraryNotLoaded)
        let server = process(library: false, variables: false, at: Self.here)
        #expect(problem { $0.processes = [process(), server] } == .environmentCleared)
        #expect(problem { ($0.clearsEnvironment, $0.hasEnded) = (true, true) } == .environmentCleared)
    }

    @Test func `where all listeners are files nobody is told of a port`() {
        #expect(problem { $0.ports = [] } == .neverListenedOnFile)
        let server = process(at: Self.here)
        #expect(problem { ($0.ports, $0.processes) = ([], [server]) } == .listensElsewhere(Self.here, hasPort: false))
    }

    @Test func `what could not be seen proves nothing`() {
        #expect(problem { $0.processes = [process(library: nil, variables: nil)] } == .neverListened)
        #expect(
            problem { $0.processes = [process(library: nil, variables: nil, at: Self.here)] }
                == .listensElsewhere(Self.here)
        )
    }

    @Test(
        arguments: [
            (.turnedOff, .libraryTurnedOff, nil), (.missing, .libraryMissing, .libraryMissing),
        ] as [(StartFacts.Library, StartProblem, StartProblem?)]
    )
    func `without the library only an SDK counts`(
        library: StartFacts.Library,
        waiting: StartProblem,
        ended: StartProblem?
    ) {
        let server = process(library: false, at: Self.here)
        #expect(problem { ($0.library, $0.processes, $0.program) = (library, [server], .staticallyLinked) } == waiting)
        #expect(problem { ($0.library, $0.program, $0.hasEnded) = (library, .staticallyLinked, true) } == ended)
    }
}

struct StartProblemTests {
    private static let all: [StartProblem] = [
        .daemonised, .takesNothing, .endedBeforeTaking, .neverReady, .libraryTurnedOff, .libraryMissing,
        .unfit(.staticallyLinked), .unfit(.otherLibrary(loader: "ld-musl.so")), .unfit(.otherMachine),
        .unfit(.gainsPrivileges), .unfit(.makesOwnCalls), .environmentCleared, .libraryNotLoaded,
        .listensElsewhere(ListeningPlace(address: "127.0.0.1:3000", port: 3000)),
        .listensElsewhere(ListeningPlace(address: "unix:/run/x", port: nil)),
        .bypassesLibrary(ListeningPlace(address: "127.0.0.1:3000", port: 3000)), .neverListened, .neverListenedOnFile,
        .listensElsewhere(ListeningPlace(address: "127.0.0.1:3000", port: 3000), hasPort: false),
    ]

    @Test func `every problem has a name of its own`() {
        // The same problems at a port and at a file.
        #expect(Set(Self.all.map(\.name)).count == Self.all.count - 3)
    }

    @Test func `clauses are short, and somebody is told what to do`() {
        for problem in Self.all {
            #expect(problem.clause.count < 100 && !problem.clause.hasSuffix("."), "\(problem.clause)")
            #expect(!problem.advice.isEmpty && problem.advice.allSatisfy { $0.count < 120 && !$0.hasSuffix(".") })
        }
    }

    @Test func `a server elsewhere is told its port`() {
        let problem = StartProblem.listensElsewhere(ListeningPlace(address: "127.0.0.1:3000", port: 3000))
        #expect(problem.clause == "it listens on 127.0.0.1:3000 instead: give it $PORT, or --app-port 3000")
        let file = StartProblem.listensElsewhere(ListeningPlace(address: "unix:/run/x", port: nil))
        #expect(file.clause == "it listens on unix:/run/x instead: give it $PORT")
        let words = "have it listen on $PORT, or say --app-port 3000, or serve with --listen 127.0.0.1:3000"
        #expect(problem.advice == [words])
        #expect(file.advice == ["have it listen on $PORT, or serve with --listen unix:/run/x"])
        let name = StartProblem.listensElsewhere(ListeningPlace(address: "unix:@x", port: nil), hasPort: false)
        #expect(name.advice == ["have it listen on the socket of --listen"])
    }

    @Test func `where all listeners are files no line speaks of a port of maitred's`() {
        let place = ListeningPlace(address: "127.0.0.1:3000", port: 3000)
        for problem in [StartProblem.listensElsewhere(place, hasPort: false), .neverListenedOnFile] {
            #expect(!([problem.clause] + problem.advice).contains { $0.contains("$PORT") })
        }
    }
}
