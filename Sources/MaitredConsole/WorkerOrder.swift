// SPDX-License-Identifier: Apache-2.0

internal import MaitredControl

/// What the rows of a table are sorted by.
package struct WorkerOrder: Equatable, Sendable {
    /// The column; its largest number is first, but for numbers that only name something.
    package var column: WorkerColumn
    /// The other way round.
    package var isReversed = false

    /// By slot.
    package static let slots = WorkerOrder(column: .slot)

    /// Sorts by a column.
    package init(column: WorkerColumn) {
        self.column = column
    }

    /// One row of the table.
    enum Row {
        case worker(WorkerReport)
        case vacant(SlotReport)

        var slot: Int {
            switch self {
            case .worker(let worker): worker.slot
            case .vacant(let slot): slot.slot
            }
        }
    }

    /// The rows of a report: by slot those without a worker stand in their place, otherwise behind the others.
    func rows(_ report: StatusReport) -> [Row] {
        let workers = report.workers.sorted { isBefore($0, $1) }.map { Row.worker($0) }
        let vacant = report.vacantSlots.sorted { $0.slot < $1.slot }.map { Row.vacant($0) }
        guard column == .slot else { return workers + vacant }
        return (workers + vacant).enumerated().sorted { first, second in
            if first.element.slot == second.element.slot { return first.offset < second.offset }
            return isReversed != (first.element.slot < second.element.slot)
        }.map(\.element)
    }

    private func isBefore(_ first: WorkerReport, _ second: WorkerReport) -> Bool {
        let (one, other) = (key(first), key(second))
        if one != other { return isReversed != (one < other) }
        return (first.slot, first.id) < (second.slot, second.id)
    }

    /// What is smaller is first.
    private func key(_ worker: WorkerReport) -> Double {
        switch column {
        case .worker: Double(worker.id)
        case .slot: Double(worker.slot)
        case .generation: -Double(worker.generation)
        case .pid: Double(worker.pid)
        case .state: Double(WorkerState.all.firstIndex(of: worker.state) ?? WorkerState.all.count)
        case .uptime: -worker.uptime
        case .open: -Double(worker.open)
        case .queued: -Double(worker.queued)
        case .taken: -Double(worker.taken)
        case .requests: -Double(worker.requests)
        case .memory: -Double(worker.memory)
        case .cpu: -(worker.cpuPercent ?? -1)
        case .restarts: -Double(worker.restarts)
        case .processes: -Double(worker.processes)
        }
    }
}
