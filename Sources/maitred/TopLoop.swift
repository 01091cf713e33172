// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import MaitredConfig
import MaitredConsole
import MaitredControl
import MaitredSystem

/// Keys, signals, reports and time, one after another, until somebody quits.
struct TopLoop: ~Copyable {
    private let path: String
    private let interval: Duration
    private let style = StandardOutput.style
    private let signals: SignalDescriptor
    private var terminal: Terminal
    private var screen: TopScreen
    private var keys = KeyDecoder()

    /// Nil while no master answers.
    private var conversation: Conversation?
    /// Whether a report was asked for and has not come.
    private var isAsking = false
    /// When the next report is asked for, or the master given up that has not sent one.
    private var next: ContinuousMoment

    private typealias ContinuousMoment = UInt64

    /// Takes the terminal and begins with a report.
    init(
        path: String,
        _ conversation: consuming Conversation,
        _ report: StatusReport,
        every interval: Duration
    ) throws {
        let terminal = try Terminal()
        let signals = try SignalDescriptor([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH])
        self.path = path
        self.interval = interval
        self.signals = signals
        self.terminal = terminal
        self.screen = TopScreen(report)
        self.conversation = consume conversation
        next = Self.moment(after: interval)
    }

    /// Runs until `q` or Ctrl-C.
    ///
    /// - Throws: `ExitCode` after SIGTERM and its like.
    mutating func run() throws {
        draw()
        while true {
            let ready = wait()
            if ready.signal, try takeSignals() { return }
            if ready.keys, takeKeys() { return }
            if ready.report { takeReports() }
            if MonotonicClock.nanoseconds() >= next { takeTime() }
        }
    }

    private mutating func wait() -> (signal: Bool, keys: Bool, report: Bool) {
        let now = MonotonicClock.nanoseconds()
        let rest = Duration.nanoseconds(Int64(clamping: next > now ? next - now : 0))
        var wishes: [Waiting.Wish] = [.readable(signals.descriptor.number), .readable(Terminal.input)]
        if let number = conversation?.number { wishes.append(.readable(number)) }
        let came = Waiting.wait(for: wishes, within: rest)
        return (came[0], came[1], came.count > 2 && came[2])
    }

    private mutating func draw() {
        let size = Terminal.size(of: STDOUT_FILENO)
        terminal.draw(screen.lines(width: size.columns, height: size.lines), size, style)
    }

    // MARK: - Signals and keys

    /// - Returns: Whether the program is to end.
    private mutating func takeSignals() throws -> Bool {
        while let signal = signals.next() {
            switch signal {
            case SIGINT: return true
            case SIGTSTP:
                terminal.giveBack()
                // SIGTSTP itself is blocked, because it is read here.
                _ = kill(getpid(), SIGSTOP)
            case SIGCONT:
                terminal.take()
                draw()
            case SIGWINCH: draw()
            default: throw ExitCode(128 + signal)
            }
        }
        return false
    }

    /// - Returns: Whether the program is to end.
    private mutating func takeKeys() -> Bool {
        var bytes = [UInt8](repeating: 0, count: 256)
        // SAFETY: the kernel writes at most as many bytes as there are.
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(Terminal.input, $0.baseAddress, $0.count) }
        // The terminal is gone.
        if count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN) { return true }
        for key in keys.keys(in: bytes.prefix(max(0, count))) {
            switch screen.press(key) {
            case .nothing: continue
            case .draw: draw()
            case .refresh: if !isAsking { ask() }
            case .quit: return true
            }
        }
        return false
    }

    // MARK: - Reports

    private mutating func takeTime() {
        if isAsking { lose("does not answer") }
        ask()
    }

    /// Asks for a report, of a new master if the last is gone.
    private mutating func ask() {
        next = Self.moment(after: interval)
        do {
            if conversation == nil { conversation = Conversation(try .connect(to: path, within: .milliseconds(100))) }
            try conversation?.send(ControlRequest(.status))
            isAsking = true
            next = Self.moment(after: max(interval, Conversation.patience))
        } catch {
            lose("\(error)")
        }
    }

    private mutating func takeReports() {
        do {
            while true {
                guard let answer = try conversation?.nextLine(within: .zero) else { return }
                switch answer {
                case .line(let line):
                    guard let report = try Conversation.accepted(line).status else { continue }
                    screen.update(report)
                    isAsking = false
                    next = Self.moment(after: interval)
                    draw()
                case .ended: return lose("the master is gone")
                case .timedOut: return
                }
            }
        } catch {
            lose("\(error)")
        }
    }

    /// Keeps the last report, says why there is none, and looks for a master again at the next moment.
    private mutating func lose(_ reason: String) {
        conversation = nil
        isAsking = false
        next = Self.moment(after: interval)
        screen.notice = "last report; looking again: \(reason)"
        draw()
    }

    private static func moment(after pause: Duration) -> ContinuousMoment {
        MonotonicClock.nanoseconds() + UInt64(pause / .nanoseconds(1))
    }
}
