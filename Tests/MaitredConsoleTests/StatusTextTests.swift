// SPDX-License-Identifier: Apache-2.0

import MaitredControl
import Testing

@testable import MaitredConsole

struct StatusTextTests {
    private func plain(_ report: StatusReport, _ width: Int?) -> String {
        StatusText.of(report, style: .plain, width: width)
    }

    /// Everything that a report can have.
    private var eventful: StatusReport {
        let workers = [
            worker(1, slot: 0) {
                $0.restarts = 2
                $0.errors = 3
            },
            worker(5, slot: 1) {
                $0.state = "busy"
                $0.busyFor = 34.6
                $0.queued = 4
                $0.cpuPercent = nil
            },
            worker(9, slot: 3) {
                $0.state = "starting"
                $0.generation = 2
                $0.taken = 0
                $0.uptime = 0.4
            },
        ]
        return service(workers) { report in
            report.size = 5
            report.connections.open = 24
            report.connections.queued = 4
            report.connections.accepted = 69_138
            report.connections.takenBack = 7
            report.connections.failed = 1
            report.connections.lost = 2
            report.rates = .init()
            report.rates.accepted = 1234.5
            report.rates.errors = 0.25
            report.handoffLatency.p50 = 85e-6
            report.handoffLatency.p90 = 0.00012
            report.handoffLatency.p99 = 0.0012
            report.handoffLatency.max = 2.15
            report.lastReload = ReloadReport(
                generation: 2,
                result: "failed",
                reason: "worker 9 exited with status 1",
                age: 185,
                deferred: ["control"]
            )
            report.droppedLogLines = 3
            report.vacantSlots = [
                SlotReport(slot: 4, state: "failed", failures: 10, retryIn: nil),
                SlotReport(slot: 2, state: "waiting", failures: 2, retryIn: 1.4),
            ]
        }
    }

    @Test func `one worker of which nothing is known yet`() {
        let report = service([
            worker(1, slot: 0) {
                $0 = WorkerReport()
                $0.id = 1
                $0.state = "starting"
            }
        ])
        #expect(
            plain(report, 80) == """
                web: serving, up 2 h 5 min, pid 999, maitred 0.1.0
                    workers: 1 starting of 1 wanted, generation 1, round-robin
                connections: 0 open, 0 queued, 0 accepted, 0 taken back
                 per second: 0 accepted, 0 taken, 0 requests, 0 errors
                    handoff: nothing measured yet
                  listening: 127.0.0.1:8080

                WORKER SLOT PID STATE    UPTIME OPEN QUEUED TAKEN REQ/ERR MEMORY CPU RESTARTS
                     1    0   0 starting     0s    0      0     0     0/0      -   -        0

                """
        )
    }

    @Test func `a pipe gets every column and exact counts`() {
        #expect(
            plain(eventful, nil) == """
                web: serving, up 2 h 5 min, pid 999, maitred 0.1.0
                    workers: 1 ready, 1 busy, 1 starting of 5 wanted, generation 1, round-robin
                   given up: slot 4 after 10 failed starts in a row; 'maitred reload' tries again
                last reload: failed 3 min ago: worker 9 exited with status 1; only with a new master: control
                connections: 24 open, 4 queued, 69138 accepted, 7 taken back, 1 gone before accept, 2 lost
                 per second: 1235 accepted, 0 taken, 0 requests, 0.3 errors
                    handoff: accept to take p50 85 us, p90 120 us, p99 1.2 ms, longest 2.2 s
                  listening: 127.0.0.1:8080
                        log: 3 lines could not be written

                WORKER  SLOT  GEN   PID  STATE       UPTIME  OPEN  QUEUED  TAKEN   REQ/ERR  MEMORY   CPU  RESTARTS  PROCS
                     1     0    1  1001  ready       12m34s    12       0  34567  123456/3     47M  3.2%         2      1
                     5     1    1  1005  busy 34s    12m34s    12       4  34567  123456/0     47M     -         0      1
                     -     2    -     -  waiting 2s       -     -       -      -         -       -     -         -      -
                     9     3    2  1009  starting        0s    12       0      0  123456/0     47M  3.2%         0      1
                     -     4    -     -  failed           -     -       -      -         -       -     -         -      -

                """
        )
        #expect(plain(eventful, 200) == plain(eventful, nil))
    }

    @Test func `80 columns get what fits, the rest broken between facts`() {
        #expect(
            plain(eventful, 80) == """
                web: serving, up 2 h 5 min, pid 999, maitred 0.1.0
                    workers: 1 ready, 1 busy, 1 starting of 5 wanted, generation 1, round-robin
                   given up: slot 4 after 10 failed starts in a row;
                             'maitred reload' tries again
                last reload: failed 3 min ago: worker 9 exited with status 1;
                             only with a new master: control
                connections: 24 open, 4 queued, 69138 accepted, 7 taken back,
                             1 gone before accept, 2 lost
                 per second: 1235 accepted, 0 taken, 0 requests, 0.3 errors
                    handoff: accept to take p50 85 us, p90 120 us, p99 1.2 ms, longest 2.2 s
                  listening: 127.0.0.1:8080
                        log: 3 lines could not be written

                WORKER SLOT GEN  PID STATE      UPTIME OPEN QUEUED TAKEN REQ/ERR MEMORY  CPU
                     1    0   1 1001 ready      12m34s   12      0 34567  123k/3    47M 3.2%
                     5    1   1 1005 busy 34s   12m34s   12      4 34567  123k/0    47M    -
                     -    2   -    - waiting 2s      -    -      -     -       -      -    -
                     9    3   2 1009 starting       0s   12      0     0  123k/0    47M 3.2%
                     -    4   -    - failed          -    -      -     -       -      -    -

                """
        )
    }

    @Test(arguments: [1, 2, 12, 40, 79, 80, 81, 120, 200], [0, 1, 3, 512])
    func `no line is wider than the terminal`(_ width: Int, _ count: Int) {
        let workers = (0..<count).map { slot in
            worker(slot * 100_000, slot: slot) {
                $0.pid = 4_194_304
                $0.requests = .max
                $0.taken = .max
                $0.memory = .max
            }
        }
        for text in plain(service(workers), width).split(separator: "\n") {
            #expect(TextWidth.of(String(text)) <= width)
        }
    }

    @Test func `512 workers are 512 rows`() {
        let text = plain(service((0..<512).map { worker($0 + 1, slot: $0) }), 200)
        #expect(text.split(separator: "\n").count { $0.contains("  ready  ") } == 512)
    }

    @Test func `colour never changes the text`() {
        let painted = StatusText.of(eventful, style: .painted, width: 80)
        #expect(painted.contains("\u{1B}[1;31mfailed\u{1B}[0m"))
        let bare = painted.split(separator: "\u{1B}", omittingEmptySubsequences: false).enumerated().map {
            index,
            part in
            index == 0 ? part : part.drop { $0 != "m" }.dropFirst()
        }.joined()
        #expect(bare == plain(eventful, 80))
    }

    @Test func `what workers cause to be said cannot speak to the terminal`() {
        let report = service([]) {
            $0.lastReload = ReloadReport(generation: 2, result: "failed", reason: "\u{1B}[2J\n", age: 1, deferred: [])
        }
        #expect(plain(report, nil).contains("failed 1 s ago: \\u{1b}[2J\\u{a}\n"))
    }
}
