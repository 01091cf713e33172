// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Both ends of a new pipe, each to be taken once; an end that nobody takes closes with the pipe.
///
/// See pipe(7).
package final class Pipe {
    private var reading: Descriptor?
    private var writing: Descriptor?

    /// Opens a pipe whose ends close at an exec.
    ///
    /// Reading never waits. Writing does, as programs expect of their standard output: O_NONBLOCK belongs to the open
    /// file, and each end of a pipe is one of its own.
    ///
    /// Wraps `pipe(2)`.
    package init() throws(SystemError) {
        var ends: [CInt] = [-1, -1]
        try check("create a pipe") { unsafe pipe(&ends) }
        let first = Descriptor(owning: ends[0])
        let second = Descriptor(owning: ends[1])
        // A moment after their birth: Swift does not import pipe2(2). No program that this process starts meanwhile
        // gets them, because a spawn passes on what its plan names and nothing else.
        try first.setCloseOnExec()
        try second.setCloseOnExec()
        try setNonBlocking(first)
        reading = consume first
        writing = consume second
    }

    /// The end to read from.
    package func takeReading() -> Descriptor {
        guard let end = reading.take() else { preconditionFailure("the reading end was taken already") }
        return end
    }

    /// The end to write to.
    package func takeWriting() -> Descriptor {
        guard let end = writing.take() else { preconditionFailure("the writing end was taken already") }
        return end
    }
}

extension Descriptor {
    /// Reads what waits, as much as fits: from a descriptor that does not block.
    ///
    /// Wraps `read(2)`. An error of the descriptor counts as its end: nothing will come any more.
    package func read(into buffer: UnsafeMutableRawBufferPointer) -> StreamRead {
        // SAFETY: the kernel writes at most `count` bytes, during the call only.
        let count = retrying { unsafe Glibc.read(number, buffer.baseAddress, buffer.count) }
        if count > 0 { return .bytes(count) }
        return count == -Int(EAGAIN) ? .wouldBlock : .ended
    }
}
