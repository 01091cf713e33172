// SPDX-License-Identifier: Apache-2.0

package import MaitredSystem

/// What systemd says about where standard output and error go: `JOURNAL_STREAM`, see systemd.exec(5).
package enum Journal {
    /// The address of journald's native protocol.
    package static let socketPath = "/run/systemd/journal/socket"

    /// Whether a descriptor is the stream to the journal that systemd gave us, and not something it was redirected to.
    ///
    /// - Parameters:
    ///   - number: Standard error, usually.
    ///   - environment: Where `JOURNAL_STREAM` is looked up: device and inode, "9:123".
    /// - Returns: false too when there is no such variable.
    package static func isStream(_ number: CInt, environment: [String: String]) -> Bool {
        guard let stream = environment["JOURNAL_STREAM"].flatMap(identity) else { return false }
        return FileIdentity.ofDescriptor(number) == stream
    }

    /// Reads "device:inode".
    static func identity(_ text: String) -> FileIdentity? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let device = UInt64(parts[0]), let inode = UInt64(parts[1]) else { return nil }
        return FileIdentity(device: device, inode: inode)
    }
}

/// The way into the journal that never waits.
///
/// `sd_journal_send(3)` blocks as soon as journald stops reading (after 10 entries under the kernel's default queue
/// length), and hands large entries over in a memfd. Here an entry that cannot be sent at once is lost, and the caller
/// is told so.
package struct JournalSocket: ~Copyable, Sendable {
    private let socket: DatagramSocket
    private let address: SocketAddress

    /// Opens the way.
    ///
    /// - Parameter path: journald's socket.
    /// - Throws: When nobody receives there, as in a sandbox without `/run/systemd`.
    package init(path: String = Journal.socketPath) throws(SystemError) {
        let found = try SocketAddress(unixPath: path)
        try DatagramSocket.probe(found)
        let opened = try DatagramSocket()
        socket = consume opened
        address = found
    }

    /// Sends an entry without waiting.
    ///
    /// - Returns: false when it is lost.
    package func send(_ entry: borrowing JournalEntry) -> Bool {
        socket.send(entry.bytes, to: address) == .sent
    }
}
