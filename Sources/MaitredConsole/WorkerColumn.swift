// SPDX-License-Identifier: Apache-2.0

internal import MaitredControl

/// What can be told of a worker in one cell, in the order in which it is shown.
package enum WorkerColumn: Sendable, CaseIterable {
    case worker, slot, generation, pid, state, uptime, open, queued, taken, requests, memory, cpu, restarts, processes

    var heading: String {
        switch self {
        case .worker: "WORKER"
        case .slot: "SLOT"
        case .generation: "GEN"
        case .pid: "PID"
        case .state: "STATE"
        case .uptime: "UPTIME"
        case .open: "OPEN"
        case .queued: "QUEUED"
        case .taken: "TAKEN"
        case .requests: "REQ/ERR"
        case .memory: "MEMORY"
        case .cpu: "CPU"
        case .restarts: "RESTARTS"
        case .processes: "PROCS"
        }
    }

    /// What is left out first in a narrow terminal has the least.
    ///
    /// Where all workers are of one generation its column says nothing that the head does not, and without vacant slots a
    /// slot's number says little.
    func importance(in report: StatusReport) -> Int {
        switch self {
        case .processes: 0
        case .generation: report.workers.allSatisfy { $0.generation == report.generation } ? 1 : 8
        case .slot: report.vacantSlots.isEmpty ? 2 : 11
        case .restarts: 3
        case .taken: 4
        case .requests: 5
        case .uptime: 6
        case .cpu: 7
        case .memory: 8
        case .queued: 9
        case .pid: 10
        case .open: 12
        case .worker: 13
        case .state: 14
        }
    }

    /// What the column says of a worker.
    ///
    /// - Parameters:
    ///   - worker: The worker.
    ///   - isExact: Whether counts are given to the last digit.
    /// - Returns: The cell.
    func cell(_ worker: WorkerReport, isExact: Bool) -> Table.Cell {
        func count(_ number: Int) -> Table.Cell { .init(text: isExact ? "\(number)" : Quantity.short(number)) }
        switch self {
        case .worker: return .init(text: "\(worker.id)")
        case .slot: return .init(text: "\(worker.slot)")
        case .generation: return .init(text: "\(worker.generation)")
        case .pid: return .init(text: "\(worker.pid)")
        case .state: return WorkerState.cell(worker)
        case .uptime: return .init(text: Quantity.span(worker.uptime))
        case .open: return count(worker.open)
        case .queued: return .init(text: count(worker.queued).text, paint: worker.queued > 0 ? .warning : .plain)
        case .taken: return count(worker.taken)
        case .requests:
            let text = "\(count(worker.requests).text)/\(count(worker.errors).text)"
            return .init(text: text, paint: worker.errors > 0 ? .warning : .plain)
        case .memory: return .init(text: Quantity.memory(worker.memory))
        case .cpu: return .init(text: worker.cpuPercent.map { Quantity.percent($0) } ?? "-")
        case .restarts: return .init(text: "\(worker.restarts)", paint: worker.restarts > 0 ? .warning : .plain)
        case .processes: return count(worker.processes)
        }
    }

    /// What the column says of a slot without a worker.
    func cell(_ slot: SlotReport) -> Table.Cell {
        switch self {
        case .slot: .init(text: "\(slot.slot)")
        case .state: WorkerState.cell(slot)
        default: .init(text: "-", paint: .quiet)
        }
    }
}

/// States in words and colours.
enum WorkerState {
    /// In the order of a worker's life, as `WorkerReport.state` has them.
    static let all = ["ready", "busy", "held", "starting", "draining", "stopping"]

    static func cell(_ worker: WorkerReport) -> Table.Cell {
        let busy = worker.busyFor.map { " " + Quantity.span($0) } ?? ""
        return .init(text: worker.state + busy, paint: paint(worker.state))
    }

    static func cell(_ slot: SlotReport) -> Table.Cell {
        let retry = slot.retryIn.map { " " + Quantity.span($0.rounded(.up)) } ?? ""
        return .init(text: slot.state + retry, paint: paint(slot.state))
    }

    static func paint(_ state: String) -> Paint {
        switch state {
        case "ready", "serving", "done": .good
        case "busy", "held", "waiting": .warning
        case "starting", "draining", "stopping", "reloading", "running": .passing
        case "failed", "refused": .bad
        default: .plain
        }
    }
}
