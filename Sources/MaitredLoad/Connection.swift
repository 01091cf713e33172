// SPDX-License-Identifier: Apache-2.0

import MaitredSystem

/// A place for one connection of a thread, used again and again.
///
/// A class, so that tables of them can be passed through without copies; only its thread knows it.
final class Connection {
    /// Its place in the thread's table.
    let index: Int
    /// Which of the sockets that were here the present one is: an event that names another is stale.
    private(set) var generation: UInt32 = 0
    private(set) var socket: ClientSocket?
    /// The request under way.
    var exchange: Exchange?
    var parser = ResponseParser()
    /// Whether it waits in the thread's list of pauses.
    var isPaused = false

    init(index: Int) {
        self.index = index
    }

    /// Whether there is a socket, connected or about to be.
    var isOpen: Bool { socket != nil }

    /// What its events are known by.
    var token: EpollToken { EpollToken(kind: 0, identity: UInt64(generation) << 24 | UInt64(index)) }

    /// The place and the generation that a token names.
    static func identity(of token: EpollToken) -> (index: Int, generation: UInt32) {
        (Int(token.identity & 0xff_ffff), UInt32(truncatingIfNeeded: token.identity >> 24))
    }

    /// Takes a new socket.
    func adopt(_ socket: consuming ClientSocket) {
        self.socket = consume socket
        generation &+= 1
    }

    /// Puts a new socket into an epoll, or asks for its events anew.
    ///
    /// - Returns: False when the kernel has no memory left for it.
    func watch(in epoll: borrowing Epoll, _ readiness: Readiness, isNew: Bool) -> Bool {
        switch socket {
        case .some(let socket):
            do throws(SystemError) {
                if isNew {
                    try epoll.add(socket.descriptor, readiness, token)
                } else {
                    try epoll.modify(socket.descriptor, readiness, token)
                }
                return true
            } catch {
                return false
            }
        case .none:
            return false
        }
    }

    /// Closes the socket, which takes it out of the epoll as well.
    func close(byReset: Bool) {
        if byReset { socket?.resetOnClose() }
        socket = nil
    }
}

/// One request under way.
struct Exchange {
    /// When it was meant to be sent, in nanoseconds of the monotonic clock; what its latency counts from.
    let intended: UInt64
    /// When it was begun, before the connection was.
    let begun: UInt64
    /// When it has failed.
    let deadline: UInt64
    /// Its place in the mix.
    let message: Int
    /// Bytes that were sent.
    var sent = 0
    /// Whether the connection had an answer before, so that the server may have closed it as the request was sent.
    var isReused: Bool
    /// Whether its connection is known to be there.
    var isConnected: Bool
}
