// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// Modules whose every line is ours and that touch no raw memory: the compiler holds them to it.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

/// Tests and targets that live on other packages' macros: the same, without `unsafe` on every pointer.
let plain: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let strictC: [CSetting] = [.define("_GNU_SOURCE")]

let package = Package(
    name: "maitred",
    products: [
        .executable(name: "maitred", targets: ["maitred"]),
        .executable(name: "maitred-demo", targets: ["MaitredDemo"]),
        .executable(name: "maitred-example", targets: ["MaitredExample"]),
        .library(
            name: "MaitredMaster",
            targets: ["MaitredMaster", "MaitredConfig", "MaitredControl", "MaitredBalance"]
        ),
        .library(name: "MaitredWorker", targets: ["MaitredWorker"]),
        .library(name: "MaitredWorkerNIO", targets: ["MaitredWorkerNIO"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    ],
    targets: [
        // The ABI between master and worker: one C header, included by every language.
        .target(name: "CMaitredWire", cSettings: strictC),
        // What Swift cannot import from Linux, and the SCM_RIGHTS pair.
        .target(name: "CMaitredLinux", cSettings: strictC),
        // The worker SDK for C; the Makefile builds the libraries that are installed from the same files.
        .target(name: "CMaitredWorker", dependencies: ["CMaitredWire"], cSettings: strictC),
        // libsystemd, the project's one system dependency.
        .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),

        // Typed Linux: the only module that makes system calls.
        .target(name: "MaitredSystem", dependencies: ["CMaitredLinux"], swiftSettings: strict),
        // The Swift face of the ABI: packets, channels, load pages, control packets, environment.
        .target(name: "MaitredWire", dependencies: ["CMaitredWire", "MaitredSystem"], swiftSettings: strict),
        // Load table and strategies. Pure: numbers in, worker out.
        .target(name: "MaitredBalance", swiftSettings: strict),
        // Worker, restart and shutdown machines. Pure: events in, actions out.
        .target(name: "MaitredSupervise", swiftSettings: strict),
        // Settings from flags, environment and files. Pure: text in, configuration or error out.
        .target(name: "MaitredConfig", dependencies: ["MaitredBalance"], swiftSettings: strict),
        // What a running master says and is asked: events, status, requests, and both ends of the control socket.
        .target(name: "MaitredControl", dependencies: ["MaitredSystem"], swiftSettings: strict),
        // What the commands show on a terminal. Pure: reports in, lines out.
        .target(
            name: "MaitredConsole",
            dependencies: ["MaitredBench", "MaitredConfig", "MaitredControl"],
            swiftSettings: strict
        ),
        // The load generator's engine: connections, schedule, histograms.
        .target(
            name: "MaitredLoad",
            dependencies: [
                "MaitredSystem", .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: strict
        ),
        // Benchmarks of the strategies: regimes, what was found, and the report. Pure.
        .target(name: "MaitredBench", swiftSettings: strict),
        // The strategies in virtual time: a scenario and a strategy in, latencies out. Pure.
        .target(
            name: "MaitredSimulator",
            dependencies: [
                "MaitredBalance",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
            ],
            path: "Benchmarks/Simulator",
            swiftSettings: strict
        ),
        // Socket activation, sd_notify, watchdog, journal.
        .target(name: "MaitredSystemd", dependencies: ["CSystemd", "MaitredSystem"], swiftSettings: strict),
        // The loop: kernel events in, decisions of the pure modules carried out.
        .target(
            name: "MaitredMaster",
            dependencies: [
                "MaitredBalance", "MaitredSupervise", "MaitredConfig", "MaitredControl", "MaitredSystemd",
                "MaitredWire",
                "MaitredSystem",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict
        ),
        // The Swift worker SDK.
        .target(name: "MaitredWorker", dependencies: ["MaitredWire", "MaitredSystem"], swiftSettings: strict),
        // Handed-over connections as SwiftNIO channels.
        .target(
            name: "MaitredWorkerNIO",
            dependencies: [
                "MaitredWorker",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: plain
        ),
        // The demo server, on Hummingbird.
        .executableTarget(
            name: "MaitredDemo",
            dependencies: [
                "MaitredWorkerNIO",
                "MaitredWorker",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: plain
        ),
        // A program that is master and worker, for who embeds a master.
        .executableTarget(
            name: "MaitredExample",
            dependencies: [
                "MaitredBalance", "MaitredConfig", "MaitredControl", "MaitredMaster", "MaitredWorker",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: plain
        ),
        // The command line.
        .executableTarget(
            name: "maitred",
            dependencies: [
                "MaitredMaster", "MaitredBench", "MaitredConfig", "MaitredConsole", "MaitredControl", "MaitredLoad",
                "MaitredSupervise", "MaitredSystem",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: strict
        ),

        // What the tests share, and the worker they run.
        .target(
            name: "MaitredTesting",
            dependencies: ["CMaitredLinux", "MaitredSystem"],
            path: "Tests/MaitredTesting",
            swiftSettings: plain
        ),
        .executableTarget(
            name: "maitred-test-worker",
            dependencies: ["CMaitredLinux", "CMaitredWire", "MaitredSystem", "MaitredWire", "MaitredWorker"],
            path: "Tests/TestWorker",
            swiftSettings: plain
        ),
        .executableTarget(
            name: "maitred-test-c-worker",
            dependencies: ["CMaitredWorker"],
            path: "Tests/CWorker",
            cSettings: strictC
        ),
        // Servers that know nothing of maitred.
        .executableTarget(name: "maitred-test-c-server", path: "Tests/CServer", cSettings: strictC),
        .executableTarget(
            name: "maitred-test-hummingbird",
            dependencies: [.product(name: "Hummingbird", package: "hummingbird")],
            path: "Tests/HummingbirdServer",
            swiftSettings: plain
        ),
        .testTarget(name: "MaitredBalanceTests", dependencies: ["MaitredBalance"], swiftSettings: plain),
        .testTarget(
            name: "MaitredConfigTests",
            dependencies: ["MaitredBalance", "MaitredConfig"],
            swiftSettings: plain
        ),
        .testTarget(name: "MaitredSuperviseTests", dependencies: ["MaitredSupervise"], swiftSettings: plain),
        .testTarget(
            name: "MaitredSystemTests",
            dependencies: ["CMaitredLinux", "MaitredSystem", "MaitredTesting"],
            swiftSettings: plain
        ),
        .testTarget(
            name: "MaitredWireTests",
            dependencies: ["CMaitredLinux", "CMaitredWire", "MaitredSystem", "MaitredTesting", "MaitredWire"],
            swiftSettings: plain
        ),
        .testTarget(
            name: "MaitredWorkerTests",
            dependencies: [
                "CMaitredLinux", "MaitredSystem", "MaitredTesting", "MaitredWire", "MaitredWorker",
                "maitred-test-worker",
            ],
            swiftSettings: plain
        ),
        .testTarget(
            name: "MaitredWorkerNIOTests",
            dependencies: [
                "MaitredDemo", "MaitredSystem", "MaitredTesting", "MaitredWire", "MaitredWorker", "MaitredWorkerNIO",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: plain
        ),
        .testTarget(
            name: "MaitredSystemdTests",
            dependencies: ["MaitredSystem", "MaitredSystemd", "MaitredTesting"],
            swiftSettings: plain
        ),
        .testTarget(
            name: "MaitredMasterTests",
            dependencies: [
                "CMaitredLinux", "MaitredBalance", "MaitredConfig", "MaitredControl", "MaitredMaster",
                "MaitredSupervise", "MaitredSystem", "MaitredSystemd", "MaitredTesting", "MaitredWire",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: plain
        ),
        .testTarget(
            name: "MaitredControlTests",
            dependencies: ["CMaitredLinux", "MaitredControl", "MaitredSystem", "MaitredTesting"],
            swiftSettings: plain
        ),
        .testTarget(
            name: "MaitredLoadTests",
            dependencies: [
                "MaitredLoad", "MaitredSystem", "MaitredTesting",
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: plain
        ),
        .testTarget(name: "MaitredBenchTests", dependencies: ["MaitredBench"], swiftSettings: plain),
        .testTarget(
            name: "MaitredSimulatorTests",
            dependencies: ["MaitredBalance", "MaitredSimulator"],
            swiftSettings: plain
        ),
        .testTarget(
            name: "MaitredConsoleTests",
            dependencies: ["MaitredBench", "MaitredConfig", "MaitredConsole", "MaitredControl"],
            swiftSettings: plain
        ),
        // The built programs, with real workers.
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "CMaitredLinux", "MaitredControl", "MaitredExample", "MaitredSystem", "MaitredTesting", "maitred",
                "maitred-test-c-server", "maitred-test-c-worker", "maitred-test-hummingbird", "maitred-test-worker",
            ],
            swiftSettings: plain
        ),
    ],
    swiftLanguageModes: [.v6]
)

// `make bench` and `make simulate`: part of the manifest only when asked for, so that nobody else resolves what they
// need. Targets of this package rather than of one of their own: they see what is `package`.
if Context.environment["MAITRED_BENCHMARKS"] != nil {
    package.dependencies.append(
        // Without its default traits: jemalloc would be one more system library.
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: [])
    )
    package.targets.append(
        .executableTarget(
            name: "HandoffBenchmarks",
            dependencies: [
                "MaitredBalance", "MaitredSystem", "MaitredWire",
                .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Benchmarks/HandoffBenchmarks",
            swiftSettings: plain,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
        )
    )
    package.targets.append(
        .executableTarget(
            name: "maitred-simulate",
            dependencies: [
                "MaitredBalance", "MaitredSimulator",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Benchmarks/Simulate",
            swiftSettings: strict
        )
    )
}
