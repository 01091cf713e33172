// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import HummingbirdCore
import Logging
import MaitredWorker
import MaitredWorkerNIO
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Hummingbird's HTTP/1 server on connections from the master, instead of on a socket of its own.
struct DemoService: Service {
    private let server: WorkerServer<HTTP1Channel.Value>

    /// - Parameters:
    ///   - worker: This process as a worker.
    ///   - group: Its event loops serve.
    ///   - logger: Where Hummingbird says what goes wrong.
    /// - Throws: `IOError` when the process has no descriptors left.
    init(worker: Worker, group: MultiThreadedEventLoopGroup, logger: Logger) throws {
        let http = Self.makeChannel(worker: worker, logger: logger)
        server = try WorkerServer(worker: worker, group: group) { channel, _ in
            http.setup(channel: channel, logger: logger).flatMapThrowing { value in
                try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
                try channel.pipeline.syncOperations.addHTTPDrainHandler()
                return value
            }
        } handler: { value in
            await http.handle(value: value, logger: logger)
        }
    }

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await server.run()
        } onGracefulShutdown: {
            server.drain()
        }
    }

    /// Answers each request with the routes, and counts it on the load page.
    private static func makeChannel(worker: Worker, logger: Logger) -> HTTP1Channel {
        let responder = Routes(worker: worker).makeRouter().buildResponder()
        return HTTP1Channel { request, writer, channel in
            let context = BasicRequestContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
            var response: Response
            do {
                response = try await responder.respond(to: request, context: context)
            } catch {
                logger.error("\(request.uri): \(error)")
                response = Response(status: .internalServerError)
            }
            response.headers[.date] = Timestamp.now().httpDate
            // Hummingbird closes when a client asks for it; this says so, or the client may send one more request.
            if request.headers[.connection] == "close" { response.headers[.connection] = "close" }
            do {
                try await writer.write(response: response.head, body: response.body)
            } catch {
                worker.failed()
                throw error
            }
            if response.status.kind == .serverError { worker.failed() } else { worker.served() }
        }
    }
}
