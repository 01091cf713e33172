// SPDX-License-Identifier: Apache-2.0

package import MaitredSystem

/// A way into the journal for another program: every line it writes becomes an entry under an identifier of its own.
///
/// The protocol is that of `sd_journal_stream_fd(3)`: a stream socket that begins with seven lines about its writer.
/// libsystemd's call waits in `connect(2)` once a stopped journald has its backlog full; this one fails instead, and the
/// program inherits what there is. The program's own writes do wait for the journal, as those of any service do.
///
/// journald learns from the kernel which process wrote a line: `_PID` is the program's, not ours.
package struct JournalStream: ~Copyable, Sendable {
    /// Where journald takes streams.
    package static let socketPath = "/run/systemd/journal/stdout"

    /// Bytes that may wait for journald: 8 MiB as libsystemd asks for, of which an unprivileged process gets
    /// `net.core.wmem_max`.
    private static let sendBuffer = 8 << 20

    /// What the program gets as standard output or error.
    package let descriptor: Descriptor

    /// Opens a stream.
    ///
    /// - Parameters:
    ///   - identifier: What `journalctl -t` finds the lines by; control characters in it become spaces.
    ///   - priority: Of every line that does not begin with one of its own ("<3>"); syslog(3)'s 0 to 7, 6 is info.
    ///   - path: journald's socket.
    /// - Throws: When journald does not listen there, or has stopped accepting.
    package init(identifier: String, priority: Int = 6, path: String = Self.socketPath) throws(SystemError) {
        descriptor = try OutgoingStream.open(
            to: SocketAddress(unixPath: path),
            header: Self.header(identifier: identifier, priority: priority),
            sendBuffer: Self.sendBuffer
        )
    }

    /// What `JOURNAL_STREAM` says of a program whose standard error this is: "device:inode", see systemd.exec(5).
    ///
    /// nil when the kernel does not tell what it is.
    package var environmentValue: String? {
        FileIdentity.ofDescriptor(descriptor.number).map { "\($0.device):\($0.inode)" }
    }

    /// The seven lines: identifier, unit (journald knows it from the control group), priority, whether lines may begin
    /// with a level, and three ways to forward that nobody asks for.
    static func header(identifier: String, priority: Int) -> [UInt8] {
        let name = identifier.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : String($0) }.joined()
        return Array("\(name)\n\n\(priority)\n1\n0\n0\n0\n".utf8)
    }
}
