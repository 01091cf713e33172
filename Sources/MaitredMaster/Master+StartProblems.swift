// SPDX-License-Identifier: Apache-2.0

internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

// Why a worker did not become ready: facts are gathered here, at a failed start and at no other time; StartFacts judges.

extension Master {
    /// Processes of one worker that are looked at: its server is among the first.
    private static let processesPerLook = 16

    /// Of a worker whose time is over, while its processes still live.
    func problemAtTimeout(of worker: WorkerHandle) -> StartProblem? {
        noteAttachment(of: worker)
        let saysNothing = !worker.start.hasListened && !worker.start.hasAttached
        if worker.start.library == .given, saysNothing, let spawner = spawners[worker.generation] {
            let family = ProcessFiles.family(of: worker.process.pid).prefix(Self.processesPerLook)
            worker.start.processes = WorkerLooks.looks(at: Array(family), owner: spawner.owner)
        }
        lastStartProblem = worker.start.problem
        return lastStartProblem
    }

    /// Of a worker that ended by itself before it was ready; nil when it did not, or its end says it all.
    func problem(atEndOf worker: WorkerHandle, _ end: WorkerEnd, _ status: ExitStatus) -> StartProblem? {
        guard end.readyFor == nil, !end.wasAsked, !end.wasKilled else { return nil }
        noteAttachment(of: worker)
        worker.start.hasEnded = true
        worker.start.hasLeftProcesses = status == .exited(code: 0) && hasLeftProcesses(worker)
        // Who ends by a signal has a reason of its own, whatever its file is like.
        if case .signaled = status, !worker.start.hasListened { return nil }
        lastStartProblem = worker.start.problem
        return lastStartProblem
    }

    private func noteAttachment(of worker: WorkerHandle) {
        worker.start.hasAttached = worker.link.page.totals().processes > 0
    }
}

extension StartFailure {
    /// A problem in the words of events.
    init(_ problem: StartProblem) {
        self.init(cause: problem.name, reason: problem.clause)
    }
}
