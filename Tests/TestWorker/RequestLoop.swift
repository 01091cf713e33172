// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredWorker

/// One loop over the channels, the control channel and the connections of this process. Never waits but for events.
///
/// `/` is answered and the connection closed, `/keep` answered and the connection kept for another request, `/hold`
/// answered and the connection kept until the client closes it.
final class RequestLoop {
    private enum Kind: UInt8 {
        case listener
        case control
        case client
    }

    /// Takes per event: enough for a burst, and the clients get their turn.
    private static let takesPerEvent = 16

    /// How long a drain of which only the page speaks may go unnoticed.
    private static let pageInterval: Int32 = 50

    private let worker: Worker
    private let mode: Mode
    private let epoll: Epoll
    private var clients: [UInt64: Client] = [:]
    private var nextClient: UInt64 = 0
    private var isDraining = false

    /// Watches what a worker has.
    init(_ worker: Worker, _ mode: Mode) {
        self.worker = worker
        self.mode = mode
        do throws(SystemError) {
            epoll = try Epoll(capacity: 64)
            for listener in worker.listeners.indices {
                try watch(worker.watchDescriptor(ofListener: listener), .listener, UInt64(listener))
            }
            try watch(worker.watchDescriptorOfControl, .control, 0)
        } catch {
            say("maitred-test-worker: \(error)")
            exit(1)
        }
    }

    /// Another process of the worker may receive the drain that is meant for both.
    private var looksAtPage: Bool { mode == .forkChild }

    /// Serves until the worker was asked to drain and every connection is closed.
    func run() -> Never {
        while !isDraining || !clients.isEmpty || mode == .ignoreStop {
            let count = epoll.wait(milliseconds: looksAtPage ? Self.pageInterval : -1)
            if looksAtPage, worker.isDraining { drain() }
            for index in 0..<count {
                let token = epoll.event(at: index).token
                switch Kind(rawValue: token.kind) {
                case .listener: take(from: Int(token.identity))
                case .control: hear()
                case .client: serve(token.identity)
                case nil: break
                }
            }
        }
        exit(0)
    }

    // MARK: - Events

    private func take(from listener: Int) {
        for _ in 0..<Self.takesPerEvent where !isDraining {
            switch worker.take(from: listener) {
            case .connection(let connection):
                admit(connection)
            case .empty: return
            case .descriptorLimit: return
            case .masterGone:
                ignore(worker.watchDescriptor(ofListener: listener))
                return
            }
        }
    }

    private func admit(_ connection: consuming Connection) {
        let about = Client.About(
            listener: connection.listener,
            peer: connection.peerAddress,
            sequence: connection.sequence
        )
        if mode == .tellPeers { say(about.taken(by: worker)) }
        let client = Client(Descriptor(owning: connection.release()), about)
        nextClient += 1
        let token = EpollToken(kind: Kind.client.rawValue, identity: nextClient)
        guard (try? epoll.add(client.descriptor, .readable, token)) != nil else {
            forget(client)
            return
        }
        clients[nextClient] = client
        // The request is often there already.
        serve(nextClient)
    }

    private func serve(_ identity: UInt64) {
        guard let client = clients[identity] else { return }
        while let path = client.nextRequest() {
            worker.served()
            client.answer(path, from: worker)
        }
        // A kept connection that waits for a request would keep a drain waiting; a held one is the client's to close.
        if client.isFinished || isDraining && client.isIdle { clients[identity].take().map(forget) }
    }

    private func hear() {
        while true {
            do throws(WorkerError) {
                switch try worker.receive() {
                case .drain:
                    if mode != .ignoreDrain { drain() }
                case .masterGone:
                    drain()
                    ignore(worker.watchDescriptorOfControl)
                    return
                case .message: break
                case nil: return
                }
            } catch {
                say("maitred-test-worker: \(error)")
            }
        }
    }

    private func drain() {
        if isDraining { return }
        isDraining = true
        for listener in worker.listeners.indices { ignore(worker.watchDescriptor(ofListener: listener)) }
        for identity in clients.keys { serve(identity) }
    }

    // MARK: - Descriptors

    /// Closes a connection, then counts it as closed.
    private func forget(_ client: Client) {
        client.close()
        worker.closed()
    }

    private func watch(_ number: Int32, _ kind: Kind, _ identity: UInt64) throws(SystemError) {
        let borrowed = Descriptor(owning: number)
        do throws(SystemError) {
            try epoll.add(borrowed, .readable, EpollToken(kind: kind.rawValue, identity: identity))
        } catch {
            _ = borrowed.release()
            throw error
        }
        _ = borrowed.release()
    }

    private func ignore(_ number: Int32) {
        let borrowed = Descriptor(owning: number)
        epoll.remove(borrowed)
        _ = borrowed.release()
    }
}
