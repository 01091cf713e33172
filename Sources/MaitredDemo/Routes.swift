// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hummingbird
import HummingbirdCore
import MaitredWorker
import NIOCore

/// The demo's routes: one for people, the others to make a worker busy, stuck, big or dead.
struct Routes: Sendable {
    /// An hour: longer than anything that waits for a worker.
    private static let milliseconds = 0...3_600_000

    /// Bytes written at once by `/bytes`.
    private static let chunkSize = 65_536

    private let worker: Worker
    private let greeting: Greeting
    private let memory = HeldMemory()

    init(worker: Worker) {
        self.worker = worker
        greeting = Greeting(workerID: worker.id)
    }

    /// All routes; unknown paths are answered 404.
    func makeRouter() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self, options: .autoGenerateHeadEndpoints)
        for method in [HTTPRequest.Method.get, .post, .put, .patch, .delete, .options] {
            router.on("/", method: method) { request, _ in greeting.response(to: request) }
        }
        addLoad(to: router)
        addDeath(to: router)
        return router
    }

    private func addLoad(to router: Router<BasicRequestContext>) {
        router.get("/work") { request, _ in
            compute(milliseconds: try request.number("ms", in: Self.milliseconds))
            return greeting.response(to: request)
        }
        router.get("/sleep") { request, _ in
            try await Task.sleep(for: .milliseconds(try request.number("ms", in: Self.milliseconds)))
            return greeting.response(to: request)
        }
        router.get("/block") { request, _ in
            block(milliseconds: try request.number("ms", in: Self.milliseconds))
            return greeting.response(to: request)
        }
        router.get("/alloc") { request, _ in
            let held = memory.grow(mebibytes: try request.number("mb", in: 0...65_536))
            return greeting.response(to: request, adding: ("heldBytes", held))
        }
        router.get("/bytes") { request, _ in
            let count = try request.number("n", in: 0...1 << 40)
            return Response(status: .ok, headers: [.contentType: "application/octet-stream"], body: bytes(count))
        }
    }

    private func addDeath(to router: Router<BasicRequestContext>) {
        router.get("/exit") { request, _ -> Response in
            _exit(CInt(try request.number("code", in: 0...255)))
        }
        router.get("/abort") { _, _ -> Response in
            abort()
        }
    }

    /// A body of zeros, written as fast as the client reads.
    private func bytes(_ count: Int) -> ResponseBody {
        ResponseBody(contentLength: count) { writer in
            let chunk = ByteBuffer(repeating: 0, count: min(count, Self.chunkSize))
            var left = count
            while left > 0, let part = chunk.getSlice(at: 0, length: min(left, chunk.readableBytes)) {
                try await writer.write(part)
                left -= part.readableBytes
            }
            try await writer.finish(nil)
        }
    }
}

/// Computes until this thread has used so much CPU time.
private func compute(milliseconds: Int) {
    let end = threadTime() + UInt64(milliseconds) * 1_000_000
    while threadTime() < end {}
}

private func threadTime() -> UInt64 {
    var time = timespec()
    _ = clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Blocks the calling thread, signals or not.
private func block(milliseconds: Int) {
    var wanted = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
    var left = timespec()
    while nanosleep(&wanted, &left) != 0 { wanted = left }
}
