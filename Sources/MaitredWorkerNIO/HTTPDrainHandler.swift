// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import NIOHTTP1

/// Ends an HTTP/1 connection without cutting a response short or losing a request that is on its way.
///
///              quiesce, no request open            the grace passes
///     serving ──────────────────────────> waiting ──────────────────┐
///        │ quiesce, a request is open        │ a request comes      v
///        └──────────────> answering <────────┘                    ended: write side closed; when the
///                             └── the response has left ──────────> client closes too, or after 1 s, all of it
///
/// A connection that is idle when the server drains is not closed at once: its client may have sent a request that has
/// not arrived. For a grace period it may send one more, which is answered with `Connection: close`.
///
/// Remove it together with the HTTP handlers when a connection is upgraded to another protocol.
public final class HTTPDrainHandler: ChannelDuplexHandler, RemovableChannelHandler {
    /// What arrives from the decoder.
    public typealias InboundIn = HTTPServerRequestPart
    /// What is passed on to the server.
    public typealias InboundOut = HTTPServerRequestPart
    /// What the server answers.
    public typealias OutboundIn = HTTPServerResponsePart
    /// What is passed on to the encoder.
    public typealias OutboundOut = HTTPServerResponsePart

    /// How long a client may take to close after we did: longer than a round trip over the worst network.
    private static let closeTimeout: TimeAmount = .seconds(1)

    private enum State {
        /// Before the drain.
        case serving
        /// Idle: one more request may come.
        case waiting(Scheduled<Void>)
        /// A response is under way; it is the last.
        case answering
        /// Nothing more is read or written.
        case ended(Scheduled<Void>?)
    }

    private let grace: TimeAmount
    private var state = State.serving

    /// Requests that came and are not answered completely.
    private var openRequests = 0

    /// - Parameter grace: How long a client may take to send one more request; longer than a round trip.
    public init(grace: TimeAmount = .seconds(1)) {
        self.grace = grace
    }

    // MARK: - Events of the connection

    /// Starts the drain.
    ///
    /// The event is not passed on: handlers behind would close at once.
    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is ChannelShouldQuiesceEvent else { return context.fireUserInboundEventTriggered(event) }
        guard case .serving = state else { return }
        state = openRequests > 0 ? .answering : .waiting(schedule(context, in: grace) { $0.end($1) })
    }

    /// Counts requests; drops what comes after the end.
    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .ended = state { return }
        if case .head = unwrapInboundIn(data) {
            openRequests += 1
            if case .waiting(let timer) = state {
                timer.cancel()
                state = .answering
            }
        }
        context.fireChannelRead(data)
    }

    /// Marks the last response, and ends the connection when it has left.
    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where isLastResponse && head.status.code >= 200:
            head.headers.replaceOrAdd(name: "connection", value: "close")
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end where isLastResponse:
            openRequests = 0
            let written = promise ?? context.eventLoop.makePromise()
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            written.futureResult.whenSuccess { bound.value.0.end(bound.value.1) }
            context.writeAndFlush(data, promise: written)
        case .end:
            openRequests = max(0, openRequests - 1)
            context.write(data, promise: promise)
        case .head, .body:
            context.write(data, promise: promise)
        }
    }

    /// Forgets the timers.
    public func channelInactive(context: ChannelHandlerContext) {
        cancelTimer()
        state = .ended(nil)
        context.fireChannelInactive()
    }

    /// Forgets the timers.
    public func handlerRemoved(context: ChannelHandlerContext) {
        cancelTimer()
    }

    // MARK: - The end

    private var isLastResponse: Bool {
        if case .answering = state { openRequests <= 1 } else { false }
    }

    private func end(_ context: ChannelHandlerContext) {
        if case .ended = state { return }
        state = .ended(schedule(context, in: Self.closeTimeout) { $1.close(promise: nil) })
        // Closing only the write side keeps bytes that the client still sends from resetting the connection, which
        // would destroy the response on its way.
        context.close(mode: .output, promise: nil)
    }

    private func schedule(
        _ context: ChannelHandlerContext,
        in time: TimeAmount,
        _ action: @escaping @Sendable (HTTPDrainHandler, ChannelHandlerContext) -> Void
    ) -> Scheduled<Void> {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        return context.eventLoop.scheduleTask(in: time) { action(bound.value.0, bound.value.1) }
    }

    private func cancelTimer() {
        switch state {
        case .waiting(let timer): timer.cancel()
        case .ended(let timer): timer?.cancel()
        case .serving, .answering: break
        }
    }
}

@available(*, unavailable)
extension HTTPDrainHandler: Sendable {}

extension ChannelPipeline.SynchronousOperations {
    /// Adds an `HTTPDrainHandler` behind the HTTP/1 decoder that `configureHTTPServerPipeline` added.
    ///
    /// - Parameter grace: How long a client may take to send one more request.
    /// - Throws: `ChannelPipelineError.notFound` when the pipeline has no HTTP/1 decoder.
    public func addHTTPDrainHandler(grace: TimeAmount = .seconds(1)) throws {
        let decoder = try handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
        try addHandler(HTTPDrainHandler(grace: grace), position: .after(decoder))
    }
}
