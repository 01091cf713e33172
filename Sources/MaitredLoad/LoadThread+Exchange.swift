// SPDX-License-Identifier: Apache-2.0

import MaitredSystem

extension LoadThread {
    /// How far the sending of a request is.
    private enum Sending {
        /// All of it was taken.
        case done
        /// The rest has to wait for the connection or for room.
        case mustWait
        /// The connection was lost, and what follows from that was done.
        case failed
    }

    /// Begins a request, on the connection that is there or on a new one.
    mutating func begin(_ place: Connection, intended: UInt64) {
        let isOpen = place.isOpen
        place.parser.reset()
        place.exchange = Exchange(
            intended: intended,
            begun: now,
            deadline: intended + timeout,
            message: mix.next(),
            isReused: isOpen,
            isConnected: isOpen
        )
        if !isOpen {
            open(place)
        } else if send(place) == .mustWait {
            watch(place, .stream, isNew: false)
        }
    }

    /// Opens a new connection for the request of a place, and sends what can be sent.
    mutating func open(_ place: Connection) {
        switch ClientSocket.open(to: task.address) {
        case .begun(let socket):
            place.adopt(socket)
            found.connections += 1
        case .wouldBlock:
            pause(place)
            return
        case .failed(let failure):
            lose(place, failure)
            return
        }
        switch send(place) {
        case .done: watch(place, .streamInput, isNew: true)
        case .mustWait: watch(place, .stream, isNew: true)
        case .failed: break
        }
    }

    private mutating func watch(_ place: Connection, _ readiness: Readiness, isNew: Bool) {
        if !place.watch(in: epoll, readiness, isNew: isNew) { lose(place, .exhausted) }
    }

    /// Sends what is left of a request.
    private mutating func send(_ place: Connection) -> Sending {
        while let exchange = place.exchange {
            let message = mix.messages[exchange.message]
            if exchange.sent == message.count { return .done }
            switch place.socket?.write(message, from: exchange.sent) ?? .ended {
            case .bytes(let count):
                place.exchange?.sent += count
                place.exchange?.isConnected = true
            case .wouldBlock:
                return .mustWait
            case .failed(let failure):
                lose(place, failure)
                return .failed
            case .ended:
                preconditionFailure("a write to a socket that is there does not end")
            }
        }
        return .done
    }

    /// Does what an event asks for.
    mutating func handle(_ token: EpollToken, _ readiness: Readiness) {
        let (index, generation) = Connection.identity(of: token)
        guard index < connections.count else { return }
        let place = connections[index]
        // Closed, and maybe opened again, by what was done about another event.
        guard place.isOpen, place.generation == generation else { return }
        guard let exchange = place.exchange else {
            // Nobody asked it anything: the server has closed it, or says so before it does.
            if readiness != .writable { place.close(byReset: false) }
            return
        }
        if exchange.sent < mix.messages[exchange.message].count {
            guard send(place) != .failed else { return }
        }
        // Only of a connection that has come about while nothing was there to be read.
        if readiness == .writable { return }
        receive(place, isEnding: readiness.isEnding)
    }

    /// Reads what has come of an answer.
    private mutating func receive(_ place: Connection, isEnding: Bool) {
        for _ in 0..<Self.readsPerEvent {
            switch place.socket?.read(into: &buffer) ?? .ended {
            case .bytes(let count):
                if now >= measuredFrom { found.bytes += UInt64(count) }
                switch place.parser.consume(buffer.span.extracting(0..<count)) {
                case .incomplete:
                    // The kernel has no more for now, unless the end is still to be read.
                    if count < buffer.count, !isEnding { return }
                case .complete(let consumed):
                    complete(place, isWhole: consumed == count, isEnding: isEnding)
                    return
                case .invalid:
                    fail(place, .badResponse)
                    return
                }
            case .wouldBlock:
                return
            case .ended:
                end(place)
                return
            case .failed(let failure):
                lose(place, failure)
                return
            }
        }
        // There may be more: the others first.
        watch(place, .streamInput, isNew: false)
    }

    /// The server has ended the connection in an orderly way.
    private mutating func end(_ place: Connection) {
        if place.parser.isUntouched {
            retryOrFail(place, .shortBody)
            return
        }
        switch place.parser.end() {
        case .complete: complete(place, isWhole: true, isEnding: true)
        case .short: fail(place, .shortBody)
        case .invalid: fail(place, .badResponse)
        }
    }

    /// The connection of a request has failed.
    private mutating func lose(_ place: Connection, _ failure: ClientFailure) {
        let isConnected = place.exchange?.isConnected ?? false
        switch failure {
        case .exhausted: fail(place, .local)
        case .timedOut: fail(place, .timeout)
        case .refused where !isConnected: fail(place, .refused)
        case .reset where !isConnected: fail(place, .refused)
        case .refused, .reset: retryOrFail(place, .reset)
        }
    }

    /// Gives a request another connection if it was sent on one that the server may have closed before it came.
    private mutating func retryOrFail(_ place: Connection, _ error: LoadError) {
        guard place.exchange?.isReused ?? false, place.parser.isUntouched else {
            fail(place, error)
            return
        }
        place.close(byReset: false)
        place.exchange?.isReused = false
        place.exchange?.isConnected = false
        place.exchange?.sent = 0
        open(place)
    }

    /// An answer is whole.
    ///
    /// - Parameters:
    ///   - place: Whose answer it is.
    ///   - isWhole: Whether nothing came after it that nobody asked for.
    ///   - isEnding: Whether the server has ended the connection.
    private mutating func complete(_ place: Connection, isWhole: Bool, isEnding: Bool) {
        guard let exchange = place.exchange, isWhole else {
            fail(place, .badResponse)
            return
        }
        now = MonotonicClock.nanoseconds()
        place.exchange = nil
        if 200..<300 ~= place.parser.status {
            countAnswer(exchange)
        } else {
            countFailure(.badStatus, intended: exchange.intended)
        }
        let wasSent = exchange.sent == mix.messages[exchange.message].count
        if !(keepsAlive && wasSent && !isEnding && place.parser.keepsAlive) {
            place.close(byReset: resets && !isEnding)
        }
        if isClosedLoop { begin(place, intended: now) } else { release(place) }
    }

    /// A request has failed, and its connection is of no use any more.
    mutating func fail(_ place: Connection, _ error: LoadError) {
        now = MonotonicClock.nanoseconds()
        if let exchange = place.exchange { countFailure(error, intended: exchange.intended) }
        place.exchange = nil
        place.isPaused = false
        place.close(byReset: resets)
        if isClosedLoop { pause(place) } else { release(place) }
    }

    /// Gives a place of an open loop back.
    private mutating func release(_ place: Connection) {
        if !hasFreePlace { freeSince = now }
        free.append(place.index)
    }
}
