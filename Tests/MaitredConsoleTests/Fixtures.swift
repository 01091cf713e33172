// SPDX-License-Identifier: Apache-2.0

import MaitredConsole
import MaitredControl

/// A ready worker of which everything is known.
func worker(_ id: Int, slot: Int, _ change: (inout WorkerReport) -> Void = { _ in }) -> WorkerReport {
    var worker = WorkerReport()
    worker.id = id
    worker.slot = slot
    worker.pid = 1000 + id
    worker.state = "ready"
    worker.uptime = 754
    worker.open = 12
    worker.taken = 34_567
    worker.requests = 123_456
    worker.memory = 47 << 20
    worker.cpuPercent = 3.24
    worker.processes = 1
    change(&worker)
    return worker
}

/// A service that serves with these workers.
func service(_ workers: [WorkerReport], _ change: (inout StatusReport) -> Void = { _ in }) -> StatusReport {
    var report = StatusReport()
    report.name = "web"
    report.program = "0.1.0"
    report.pid = 999
    report.state = "serving"
    report.uptime = 7534
    report.strategy = "round-robin"
    report.size = workers.count
    report.listeners = [ListenerReport(index: 0, address: "127.0.0.1:8080", name: "127.0.0.1:8080")]
    report.workers = workers
    change(&report)
    return report
}

/// Lines without paint.
func texts(_ lines: [StyledLine], columns: Int? = nil) -> [String] {
    lines.map { $0.text(.plain, columns: columns) }
}
