// SPDX-License-Identifier: Apache-2.0

internal import CMaitredWire
internal import Glibc
package import MaitredSystem

/// A worker process's view of the load page: its own row.
///
/// Any thread may count. A process that was forked claims a row of its own (`claimAfterFork`), which begins with the
/// connections it inherited. A call made in a process that shares the parent's memory without being it (vfork) counts
/// nothing: its descriptors are not the parent's.
@safe
package final class WorkerPage: @unchecked Sendable {
    private let memory: SharedMemory

    /// Written in init and by `claimAfterFork`, where one thread exists; nil when all rows were taken.
    private var row: UnsafeMutablePointer<maitred_row>?
    private var ownPid: Int32

    /// What this process held when it last began to fork: what the child inherits.
    ///
    /// The parent's own row may have changed by the time the child reads it, as when a parent closes its copy at once.
    private var holdsAtFork: UInt64 = 0

    /// Maps the page and claims a row.
    ///
    /// - Throws: `WireError` when it is not a page of this wire, or its memory cannot be trusted.
    package init(adopting descriptor: consuming Descriptor) throws(WireError) {
        let variable = WorkerEnvironment.loadVariable
        do {
            memory = try SharedMemory(adopting: descriptor, size: LoadPage.size)
        } catch {
            throw .environment(variable: variable, problem: error.description)
        }
        // SAFETY: mapped, page-aligned, larger than the header.
        let header = unsafe memory.base.assumingMemoryBound(to: maitred_page_header.self)
        guard unsafe maitred_load_word(&header.pointee.magic) == MAITRED_PAGE_MAGIC else {
            throw .magic(of: "the load page")
        }
        let version = unsafe Int(maitred_load_word(&header.pointee.version))
        guard version == wireVersion else { throw .version(of: "the load page", found: version) }
        unsafe row = nil
        ownPid = getpid()
        claim(inherited: 0)
    }

    /// Remembers what a child would inherit.
    ///
    /// To be called in the parent, right before a fork.
    package func prepareFork() {
        holdsAtFork = unsafe row.map { unsafe maitred_load(&$0.pointee.holds) } ?? 0
    }

    /// Claims a row for a process that was just forked.
    ///
    /// To be called in the child, before it takes or closes anything.
    package func claimAfterFork() {
        guard getpid() != ownPid else { return }
        ownPid = getpid()
        claim(inherited: holdsAtFork)
    }

    private func claim(inherited: UInt64) {
        let startTime = ProcessFiles.status(of: ownPid)?.startTime ?? 0
        let index = unsafe maitred_page_claim(memory.base, UInt64(ownPid), startTime, inherited)
        unsafe row = index < 0 ? nil : maitred_page_row(memory.base, UInt32(index))
        guard let row = unsafe row, let namespace = ProcessFiles.pidNamespace() else { return }
        unsafe maitred_store(&row.pointee.pid_namespace, namespace)
    }

    /// Counts on the own row; in a process that is not the row's, does nothing.
    @inline(__always)
    private func counting(_ body: (UnsafeMutablePointer<maitred_row>) -> Void) {
        guard let row = unsafe row, getpid() == ownPid else { return }
        unsafe body(row)
    }

    /// A connection was taken: counts it, and how long it waited.
    ///
    /// - Parameters:
    ///   - accepted: CLOCK_MONOTONIC at which the master accepted it, as its packet says. 0 (not known) or a time after
    ///     `now` counts no wait.
    ///   - now: CLOCK_MONOTONIC, read when the row is this process's and nowhere else.
    package func took(
        acceptedNanoseconds accepted: UInt64 = 0,
        at now: @autoclosure () -> UInt64 = MonotonicClock.nanoseconds()
    ) {
        unsafe counting { row in
            if accepted == 0 {
                unsafe maitred_row_took(row)
            } else {
                unsafe maitred_page_took(memory.base, row, accepted, now())
            }
        }
    }

    /// Connections were closed.
    ///
    /// - Returns: Whether the master waits for a place and must be sent a bell.
    package func closed(_ count: Int) -> Bool {
        var mustRing = false
        unsafe counting { mustRing = unsafe maitred_row_closed(memory.base, $0, UInt64(count)) == 1 }
        return mustRing
    }

    /// A knock was taken.
    package func tookKnock() {
        unsafe counting { _ = unsafe maitred_add(&$0.pointee.knocks, 1) }
    }

    /// Requests were answered.
    package func served(_ count: Int) {
        unsafe counting { _ = unsafe maitred_add(&$0.pointee.requests, UInt64(count)) }
    }

    /// Requests failed.
    package func failed(_ count: Int) {
        unsafe counting { _ = unsafe maitred_add(&$0.pointee.errors, UInt64(count)) }
    }

    /// The program's own loop turned.
    package func heartbeat() {
        unsafe counting { unsafe maitred_store(&$0.pointee.heartbeat_ns, MonotonicClock.nanoseconds()) }
    }

    /// Says how much memory the process wants to be judged by.
    package func setMemory(_ bytes: UInt64) {
        unsafe counting { unsafe maitred_store(&$0.pointee.memory, bytes) }
    }

    /// Whether the master asked the worker to drain.
    package var isDraining: Bool {
        // SAFETY: as in init.
        let header = unsafe memory.base.assumingMemoryBound(to: maitred_page_header.self)
        return unsafe maitred_load_word(&header.pointee.drain) != 0
    }

    /// Connections this process holds, as counted.
    package var holds: Int {
        guard let row = unsafe row else { return 0 }
        return Int(clamping: unsafe maitred_load(&row.pointee.holds))
    }
}
