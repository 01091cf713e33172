// SPDX-License-Identifier: Apache-2.0

import MaitredWorkerNIO
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

struct HTTPDrainHandlerTests {
    private let channel = EmbeddedChannel()

    init() throws {
        try channel.pipeline.syncOperations.addHandler(HTTPDrainHandler(grace: .seconds(2)))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 80)).wait()
    }

    private func quiesce() {
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }

    private func receiveRequest() throws {
        try channel.writeInbound(HTTPServerRequestPart.head(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")))
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
    }

    /// Writes a response's head and tells what the handler made of its `Connection` header.
    private func respond(_ status: HTTPResponseStatus = .ok) throws -> String? {
        try channel.writeOutbound(HTTPServerResponsePart.head(HTTPResponseHead(version: .http1_1, status: status)))
        guard case .head(let head) = try channel.readOutbound(as: HTTPServerResponsePart.self) else { return "none" }
        return head.headers.first(name: "connection")
    }

    private func endResponse() throws {
        try channel.writeOutbound(HTTPServerResponsePart.end(nil))
    }

    @Test func `before the drain responses pass unchanged`() throws {
        try receiveRequest()
        #expect(try respond() == nil)
        try endResponse()
        #expect(channel.isActive)
    }

    @Test func `an idle connection is closed when the grace has passed`() {
        quiesce()
        quiesce()
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1999))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(!channel.isActive)
    }

    @Test func `a request within the grace is answered as the last`() throws {
        quiesce()
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        try receiveRequest()
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(channel.isActive)
        #expect(try respond() == "close")
        try endResponse()
        #expect(!channel.isActive)
    }

    @Test func `a response under way is finished first`() throws {
        try receiveRequest()
        #expect(try respond() == nil)
        quiesce()
        try channel.writeOutbound(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: "rest"))))
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(channel.isActive)
        try endResponse()
        #expect(!channel.isActive)
    }

    @Test func `of pipelined requests only the last is marked and ends the connection`() throws {
        try receiveRequest()
        try receiveRequest()
        quiesce()
        #expect(try respond() == nil)
        try endResponse()
        #expect(try channel.readOutbound(as: HTTPServerResponsePart.self) == .end(nil))
        #expect(channel.isActive)
        #expect(try respond() == "close")
        try endResponse()
        #expect(!channel.isActive)
    }

    @Test func `an informational response is not the last`() throws {
        try receiveRequest()
        quiesce()
        #expect(try respond(.continue) == nil)
        #expect(try respond() == "close")
    }

    @Test func `a client that leaves cancels the grace`() throws {
        quiesce()
        try channel.close().wait()
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(!channel.isActive)
    }
}
