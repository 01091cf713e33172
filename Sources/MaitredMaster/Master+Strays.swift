// SPDX-License-Identifier: Apache-2.0

internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

// What a worker leaves behind that sent itself into the background: processes whose first one has ended, so that nobody
// supervises them. They are ended, or each new try would add to them, and the channel ends that they have open would
// make clients wait.
//
//      first process ends with 0 ──> orphans of its group, or with its load page ──> a failed start, all are stopped
//                                                                               └──> looked for again a moment later

/// A second look for processes of a worker that went into the background.
struct StrayHunt {
    /// The worker, whose load page tells its processes from others.
    let worker: WorkerHandle
    /// When.
    let at: Instant
}

extension Master {
    /// Before the second look: who was about to leave the group when it was told to stop has left it by then, or ended.
    private static let secondLook = Duration.milliseconds(250)

    /// Looks for children that are repeated because some ended meanwhile.
    private static let mostListings = 8

    /// Whether living processes are left of a worker whose first process has just ended.
    ///
    /// One that is ending, with no memory any more, counts: what it started will be ours in a moment.
    func hasLeftProcesses(_ worker: WorkerHandle) -> Bool {
        orphans(of: worker).contains { $0.belonging != .no }
    }

    /// Ends what a worker that went into the background has left outside its group.
    func endStrays(of worker: WorkerHandle, _ now: Instant) {
        endStraysFound(of: worker, now)
        let again = now + Self.secondLook
        hunts.append(StrayHunt(worker: worker, at: again))
        wake(at: again)
    }

    /// Looks again where it is time.
    func huntStrays(_ now: Instant) {
        guard hunts.contains(where: { now >= $0.at }) else { return }
        for hunt in hunts where now >= hunt.at { endStraysFound(of: hunt.worker, now) }
        hunts.removeAll { now >= $0.at }
    }

    private func endStraysFound(of worker: WorkerHandle, _ now: Instant) {
        let groups = orphans(of: worker).filter { $0.belonging == .yes }.map(\.group)
        let strays = Set(groups).subtracting([worker.group.id, ownGroup()])
        guard !strays.isEmpty else { return }
        if !departing.contains(where: { $0.id == worker.id }) { emit(worker, .leftProcesses, now) }
        for group in strays.sorted() { end(ProcessGroup(id: group), of: worker, now) }
    }

    /// A child that is nobody's first process.
    private struct Orphan {
        enum Belonging {
            case yes
            case no
            /// Nothing can be seen of it.
            case unknown
        }

        let group: Int32
        let belonging: Belonging
    }

    /// Living children of ours that may be left of a worker.
    private func orphans(of worker: WorkerHandle) -> [Orphan] {
        let others = Set(workers.values.map(\.group.id)).union(departing.map(\.group.id)).subtracting([worker.group.id])
        return orphans(besides: others).compactMap { pid in
            guard let group = ProcessFiles.group(of: pid), !others.contains(group) else { return nil }
            return Orphan(group: group, belonging: group == worker.group.id ? .yes : belonging(of: pid, to: worker))
        }
    }

    /// Our living children, but for some.
    ///
    /// One that ends leaves its own children to us, and these are in the next list only: so two lists must agree.
    private func orphans(besides known: Set<Int32>) -> [Int32] {
        var listed: [Int32] = []
        var living: [Int32] = []
        for _ in 0..<Self.mostListings {
            let next = ProcessFiles.listedChildren(of: ownProcess()).filter { !known.contains($0) }
            let alive = next.filter { ProcessFiles.status(of: $0)?.isAlive == true }
            if next == listed, alive == living { break }
            (listed, living) = (next, alive)
        }
        return living
    }

    /// Whether a process was started with the load page of a worker, or has it open.
    private func belonging(of pid: Int32, to worker: WorkerHandle) -> Orphan.Belonging {
        worker.link.page.withDescriptor { page in
            guard let inode = try? page.inode() else { return .no }
            let memory = ProcessFiles.memory(of: pid, file: PreloadLibrary.name) { line in
                line.hasPrefix("MAITRED_LOAD_FD=") && line.hasSuffix(":\(inode)")
            }
            if memory?.hasVariable == true || ProcessFiles.shares(pid, page.number) { return .yes }
            return memory == nil ? .unknown : .no
        }
    }
}
