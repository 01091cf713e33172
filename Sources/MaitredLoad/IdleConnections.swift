// SPDX-License-Identifier: Apache-2.0

internal import MaitredSystem

/// Connections that say nothing, open as long as this is there; one that the server ends is opened anew, as clients do
/// that want to hear from it.
struct IdleConnections: ~Copyable {
    /// Arrays cannot hold what cannot be copied.
    private final class Held {
        let socket: ClientSocket

        init(_ socket: consuming ClientSocket) {
            self.socket = socket
        }
    }

    /// Ended connections looked at in one wait.
    private static let batch = 256
    /// How long a new one may take, so that a server that is gone does not hold up the run.
    private static let patience = Duration.milliseconds(100)

    private let address: SocketAddress
    private let epoll: Epoll
    private var held: [Held?]
    /// Places whose connection has ended and could not be opened again yet.
    private var missing: [Int] = []

    /// Opens them one after the other.
    ///
    /// - Parameters:
    ///   - count: How many.
    ///   - address: Where to.
    ///   - limit: The longest wait for one.
    /// - Throws: `LoadFailure` when one cannot be opened.
    init(_ count: Int, to address: SocketAddress, within limit: Duration) throws(LoadFailure) {
        let epoll = try Self.makeEpoll()
        var opened: [Held?] = []
        do throws(SystemError) {
            for place in 0..<count { opened.append(try Self.open(place, address, epoll, within: limit)) }
        } catch {
            throw LoadFailure("cannot hold \(count) idle connections, number \(opened.count + 1) failed: \(error)")
        }
        self.address = address
        self.epoll = epoll
        held = opened
    }

    private static func makeEpoll() throws(LoadFailure) -> Epoll {
        do throws(SystemError) {
            return try Epoll(capacity: batch)
        } catch {
            throw LoadFailure("\(error)")
        }
    }

    private static func open(
        _ place: Int,
        _ address: SocketAddress,
        _ epoll: borrowing Epoll,
        within limit: Duration
    ) throws(SystemError) -> Held {
        let socket = try ClientSocket.connect(to: address, within: limit)
        try epoll.add(socket.descriptor, .streamEnd, EpollToken(kind: 0, identity: UInt64(place)))
        return Held(socket)
    }

    /// Opens those again that have ended; what cannot be opened now is tried at the next call.
    mutating func reopenEnded() {
        while case let count = epoll.wait(milliseconds: 0), count > 0 {
            for index in 0..<count {
                let place = Int(epoll.event(at: index).token.identity)
                guard held.indices.contains(place), held[place] != nil else { continue }
                held[place] = nil
                missing.append(place)
            }
        }
        let places = missing
        missing = []
        for place in places {
            // A server that does not answer is asked once in a call.
            if missing.isEmpty { held[place] = try? Self.open(place, address, epoll, within: Self.patience) }
            if held[place] == nil { missing.append(place) }
        }
    }
}
