// SPDX-License-Identifier: Apache-2.0

internal import CMaitredWire
package import MaitredSystem

// The load page: what a worker's processes say of themselves, without a system call.
//
//      header   magic, version | drain  (the master writes)
//               doorbell, high water    (both write)
//      row 0    pid  taken  holds  …    (the process that claimed it writes; the master frees it)
//      row 1    …
//      latency  128 counts              (every process of the worker adds; nobody resets)
//
// 1. The memory is sealed: no reader can be killed by a worker that shortens it.
// 2. The master believes nothing: the high-water mark is clamped, sums saturate, and a wrong number
//    can only change how many connections the worker itself is given.
// 3. A row belongs to one process. When that is gone the master folds the row's totals into its own
//    and frees it, so what was counted stays counted and what was held is held no more.

/// Sums over the rows of one page that the master needs at every look.
package struct LoadReading: Equatable, Sendable {
    /// Connections taken since the worker started.
    package var taken: UInt64 = 0
    /// Connections open now, at most `LoadPage.mostHolds`.
    package var holds: Int = 0

    /// A reading of nothing.
    package init() {}
}

/// Everything else a page says, read when somebody asks or once a second.
package struct LoadTotals: Equatable, Sendable {
    /// Requests answered.
    package var requests: UInt64 = 0
    /// Requests failed.
    package var errors: UInt64 = 0
    /// CLOCK_MONOTONIC of the youngest heartbeat; 0: the worker has none.
    package var heartbeatNanoseconds: UInt64 = 0
    /// Bytes the worker's processes want to be judged by; 0: not said.
    package var memory: UInt64 = 0
    /// CPU time that the worker's processes say they used, in nanoseconds; 0: not said.
    package var cpuNanoseconds: UInt64 = 0
    /// Knocks taken.
    package var knocks: UInt64 = 0
    /// Processes that have a row.
    package var processes = 0

    /// Totals of nothing.
    package init() {}

    /// When the worker's own loop last turned, nil when it has no heartbeat.
    ///
    /// A time in the future is a worker's mistake and counts as now, so that no difference to it is ever negative.
    ///
    /// - Parameter now: CLOCK_MONOTONIC, in nanoseconds.
    /// - Returns: CLOCK_MONOTONIC in nanoseconds, at most `now`.
    package func heartbeat(now: UInt64) -> UInt64? {
        heartbeatNanoseconds == 0 ? nil : min(heartbeatNanoseconds, now)
    }

    /// Adds what a row counted that its process's end does not take back.
    fileprivate mutating func addCounts(of row: UnsafeMutablePointer<maitred_row>) {
        requests = unsafe requests.addingSaturated(maitred_load(&row.pointee.requests))
        errors = unsafe errors.addingSaturated(maitred_load(&row.pointee.errors))
        cpuNanoseconds = unsafe cpuNanoseconds.addingSaturated(maitred_load(&row.pointee.cpu_ns))
        knocks = unsafe knocks.addingSaturated(maitred_load(&row.pointee.knocks))
    }
}

/// What tells two looks at a page apart.
struct LoadFingerprint: Equatable {
    /// Wrapping sum.
    var taken: UInt64 = 0
    /// Wrapping sum, not believed.
    var holds: UInt64 = 0
}

/// The rows of a page, to be read many thousand times a second: a pointer, and no more.
///
/// Good for as long as the page it is of.
@safe
struct LoadRows {
    private let header: UnsafeMutablePointer<maitred_page_header>

    fileprivate init(_ header: UnsafeMutablePointer<maitred_page_header>) {
        unsafe self.header = header
    }

    /// Rows that may be in use, whatever the page claims.
    @inline(__always)
    fileprivate var count: Int {
        min(Int(unsafe maitred_load_word(&header.pointee.high_water)), Int(MAITRED_ROW_COUNT))
    }

    @inline(__always)
    fileprivate subscript(index: Int) -> UnsafeMutablePointer<maitred_row> {
        unsafe maitred_page_row(header, UInt32(index))
    }

    /// Sums that change when `read` would say something else, for comparing and nothing else: whatever the page contains
    /// goes in as it is.
    @inline(__always)
    func fingerprint() -> LoadFingerprint {
        var fingerprint = LoadFingerprint()
        for index in 0..<count {
            let row = unsafe self[index]
            if unsafe maitred_load(&row.pointee.pid) == 0 { continue }
            fingerprint.taken &+= unsafe maitred_load(&row.pointee.taken)
            fingerprint.holds &+= unsafe maitred_load(&row.pointee.holds)
        }
        return fingerprint
    }

    /// Sums taken and holds of the rows in use.
    ///
    /// `taken` of a row is read before its holds: a connection may be seen twice, never not at all.
    @inline(__always)
    func read() -> LoadReading {
        var reading = LoadReading()
        for index in 0..<count {
            let row = unsafe self[index]
            if unsafe maitred_load(&row.pointee.pid) == 0 { continue }
            reading.taken &+= unsafe maitred_load(&row.pointee.taken)
            let holds = min(unsafe maitred_load(&row.pointee.holds), UInt64(LoadPage.mostHolds))
            reading.holds = min(LoadPage.mostHolds, reading.holds &+ Int(truncatingIfNeeded: holds))
        }
        return reading
    }
}

/// The master's view of a worker's load page.
@safe
package final class LoadPage {
    /// Bytes of every page.
    package static let size = Int(MAITRED_PAGE_SIZE)

    /// No worker is believed to hold more: above the number of descriptors a process can have.
    package static let mostHolds = 1 << 30

    /// The rows.
    let rows: LoadRows

    private let memory: SharedMemory
    private let header: UnsafeMutablePointer<maitred_page_header>

    /// What rows said that are free again.
    private var retired = LoadTotals()
    private var retiredTaken: UInt64 = 0

    /// Where the last search for dead rows stopped.
    private var nextRow = 0

    /// Creates an empty page.
    package init() throws(SystemError) {
        memory = try SharedMemory(creating: "maitred-load", size: Self.size)
        // SAFETY: the memory is page-aligned, larger than the header, and lives as long as self.
        unsafe header = memory.base.assumingMemoryBound(to: maitred_page_header.self)
        rows = unsafe LoadRows(header)
        unsafe maitred_store_word(&header.pointee.version, UInt32(MAITRED_WIRE_VERSION))
        unsafe maitred_store_word(&header.pointee.row_count, UInt32(MAITRED_ROW_COUNT))
        unsafe maitred_store_word(&header.pointee.row_size, UInt32(MemoryLayout<maitred_row>.size))
        unsafe maitred_store_word(&header.pointee.magic, MAITRED_PAGE_MAGIC)
    }

    /// The memfd that the worker gets.
    package func withDescriptor<Result, Failure: Error>(
        _ body: (borrowing Descriptor) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(memory.descriptor)
    }

    /// Sums taken and holds, of rows that were freed too.
    package func read() -> LoadReading {
        var reading = rows.read()
        reading.taken &+= retiredTaken
        return reading
    }

    /// Sums everything else; requests, errors, CPU time and knocks of rows that were freed too.
    package func totals() -> LoadTotals {
        var totals = retired
        for index in 0..<rows.count {
            let row = unsafe rows[index]
            if unsafe maitred_load(&row.pointee.pid) == 0 { continue }
            totals.processes += 1
            unsafe totals.addCounts(of: row)
            totals.memory = unsafe totals.memory.addingSaturated(maitred_load(&row.pointee.memory))
            totals.heartbeatNanoseconds = max(
                totals.heartbeatNanoseconds,
                unsafe maitred_load(&row.pointee.heartbeat_ns)
            )
        }
        return totals
    }

    /// How long connections waited between accept and take, since the worker started.
    ///
    /// Empty for a worker that does not count it. Any content is read; the histogram's sums saturate.
    package func latency() -> LatencyHistogram {
        let counts: UnsafeMutablePointer<UInt64> = unsafe maitred_page_latency(header)
        return LatencyHistogram { unsafe maitred_load(counts + $0) }
    }

    /// The processes that have a row, as they say; the leader may not be among them.
    ///
    /// - Parameter limit: The most that are returned.
    /// - Returns: Process ids, which are only what the worker says.
    package func processes(limit: Int) -> [Int32] {
        var processes: [Int32] = []
        for index in 0..<rows.count where processes.count < limit {
            let row = unsafe rows[index]
            let pid = unsafe maitred_load(&row.pointee.pid)
            if unsafe isElsewhere(row) { continue }
            if pid > 0, let pid = Int32(exactly: pid) { processes.append(pid) }
        }
        return processes
    }

    /// Frees rows whose process is gone, so that what it held is held no more.
    ///
    /// - Parameters:
    ///   - leader: A pid known to live, which is not looked up.
    ///   - limit: The most rows to look up; the next call goes on where this one stopped.
    /// - Returns: The number of rows freed.
    package func dropDeadRows(leader: Int32, limit: Int) -> Int {
        let count = rows.count
        var dropped = 0
        for _ in 0..<min(limit, count) {
            nextRow = nextRow + 1 < count ? nextRow + 1 : 0
            let row = unsafe rows[nextRow]
            let pid = unsafe maitred_load(&row.pointee.pid)
            if pid == 0 || pid == UInt64(leader) { continue }
            if unsafe isElsewhere(row) { continue }
            let startTime = unsafe maitred_load(&row.pointee.start_time)
            if Self.isAlive(pid: pid, startTime: startTime) { continue }
            guard unsafe maitred_row_retire(row, pid) != 0 else { continue }
            retiredTaken &+= unsafe maitred_load(&row.pointee.taken)
            unsafe retired.addCounts(of: row)
            unsafe maitred_row_release(row)
            dropped += 1
        }
        return dropped
    }

    /// Whether a row's pid is a number of another PID namespace: nobody here can tell whether its process lives, so the row
    /// stays until the worker ends.
    private func isElsewhere(_ row: UnsafeMutablePointer<maitred_row>) -> Bool {
        let namespace = unsafe maitred_load(&row.pointee.pid_namespace)
        return namespace != 0 && Self.ownNamespace != 0 && namespace != Self.ownNamespace
    }

    private static let ownNamespace = ProcessFiles.pidNamespace() ?? 0

    /// A process that has not said when it started is judged by its number alone.
    private static func isAlive(pid: UInt64, startTime: UInt64) -> Bool {
        guard let status = ProcessFiles.status(of: Int32(clamping: pid)), status.isAlive else { return false }
        return startTime == 0 || status.startTime == startTime
    }

    /// Tells every process of the worker to take no more.
    package func setDrain() {
        unsafe maitred_store_word(&header.pointee.drain, 1)
    }

    /// Asks for a bell at the next close, or no longer.
    ///
    /// After arming the rows must be read again.
    package func setDoorbell(_ isArmed: Bool) {
        unsafe maitred_store_word(&header.pointee.doorbell, isArmed ? 1 : 0)
    }
}
