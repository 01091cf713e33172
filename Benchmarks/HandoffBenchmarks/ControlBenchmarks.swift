// SPDX-License-Identifier: Apache-2.0

import Benchmark
import MaitredSystem
import MaitredWire

// What goes over the control channel of a worker, and what a worker costs to begin and to end.

/// Bytes of bodies: none, a short message, and the longest that fits one packet.
private let bodies = [0, 1024, ControlHead.bodyLimit]

/// A packet with a body of so many bytes.
private func packet(_ length: Int) -> [UInt8] {
    ControlHead(.message, stream: 7).encoded(body: ArraySlice(repeating: 0x78, count: length))
}

/// Control packets, which the master reads the heads of.
func registerControl() {
    for length in bodies {
        Benchmark("encode a control packet with \(length) bytes") { benchmark in
            let body = ArraySlice<UInt8>(repeating: 0x78, count: length)
            benchmark.startMeasurement()
            for stream in benchmark.scaledIterations {
                blackHole(ControlHead(.message, stream: UInt64(stream)).encoded(body: body))
            }
            benchmark.stopMeasurement()
        }
        Benchmark("decode a control packet with \(length) bytes") { benchmark in
            let bytes = packet(length)
            benchmark.startMeasurement()
            for _ in benchmark.scaledIterations {
                blackHole(try bytes.withUnsafeBytes { try ControlHead(decoding: $0) })
            }
            benchmark.stopMeasurement()
        }
    }
    for length in bodies.dropFirst() { registerReceive(length) }
}

/// A packet through a socket pair: sent, received, its body copied.
private func registerReceive(_ length: Int) {
    Benchmark("receive a control packet with \(length) bytes", configuration: .init(scalingFactor: .one)) { benchmark in
        let pair = try PacketSocket.pair()
        let worker = pair.takeFirst()
        let master = pair.takeSecond()
        let reader = ControlReader()
        let bytes = packet(length)
        benchmark.startMeasurement()
        for _ in benchmark.scaledIterations {
            guard worker.send(bytes) == .sent, case .packet(let head, let body) = reader.next(from: master) else {
                return benchmark.error("a packet did not arrive")
            }
            blackHole((head, body))
        }
        benchmark.stopMeasurement()
    }
}

/// A message that is too long for one packet by the length of a head: cut into two, decoded, put together again.
func registerMessage() {
    Benchmark("cut and join a message of 65536 bytes", configuration: .init(scalingFactor: .one)) { benchmark in
        let message = [UInt8](repeating: 0x78, count: 65_536)
        var assembler = ControlAssembler()
        benchmark.startMeasurement()
        for stream in benchmark.scaledIterations {
            var whole: [UInt8]?
            for fragment in ControlFragments(.message, stream: UInt64(stream), body: message) {
                let head = try fragment.withUnsafeBytes { try ControlHead(decoding: $0) }
                whole = try assembler.add(head, fragment.dropFirst(ControlHead.size))
            }
            guard whole?.count == message.count else { return benchmark.error("a message did not arrive") }
        }
        benchmark.stopMeasurement()
    }
}

/// A process from its start to its end, waited for in an epoll as the master does it.
func registerSpawn() {
    Benchmark("spawn /bin/true, and see its end", configuration: .init(scalingFactor: .one)) { benchmark in
        let plan = SpawnPlan(
            path: "/bin/true",
            arguments: ["true"],
            environment: [],
            descriptors: [],
            descriptorLimit: try .current()
        )
        let epoll = try Epoll(capacity: 1)
        benchmark.startMeasurement()
        for number in benchmark.scaledIterations {
            let child = try ChildProcess.spawn(plan)
            try epoll.add(child.descriptor, .readable, EpollToken(kind: 0, identity: UInt64(number)))
            // Longer than any start takes: a process that does not end must not hold up the benchmark.
            guard epoll.wait(milliseconds: 10_000) == 1, child.reap() == .exited(code: 0) else {
                return benchmark.error("a process did not end")
            }
        }
        benchmark.stopMeasurement()
    }
}
