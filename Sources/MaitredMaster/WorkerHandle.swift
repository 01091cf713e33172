// SPDX-License-Identifier: Apache-2.0

internal import MaitredControl
internal import MaitredSupervise
internal import MaitredSystem
internal import MaitredWire

/// The master's view of one worker process: its link, its life, and what it says.
final class WorkerHandle {
    /// Packets a worker may send on its control channel in one second before the master rests it until the next.
    static let packetsPerSecond = 1024

    /// Packets that are not of the wire after which a control channel is not read any more.
    static let refusalLimit = 64

    /// Channels, load page and counts.
    let link: WorkerLink

    /// The first process.
    let process: ChildProcess

    /// The master's end of the control channel.
    let control: PacketSocket

    /// The worker's end of it, for processes that lost theirs on the way.
    let controlOfWorker: PacketSocket

    /// The configuration it was started with.
    let generation: Int

    /// When its process was started.
    let startedAt: Instant

    /// Its life.
    var machine: WorkerMachine

    /// Its health.
    var watch: WorkerWatch

    /// Bytes of memory at the last sample, nil before the first.
    var memory: Int?

    /// Whether somebody took it out of the rotation by hand.
    var isHeld = false

    /// Since when it was silent when it was last found to hang, nil before.
    var silentSince: Instant?

    /// What is known of its start, for the question why it failed.
    var start: StartFacts

    /// The likely reason why it was not ready in time.
    var startProblem: StartProblem?

    /// When its drain began, nil before.
    var drainingSince: Instant?

    /// When it was told of its drain, nil before.
    var toldToDrainAt: Instant?

    /// Packets received in this second.
    var packetsThisSecond = 0

    /// Packets refused in its life.
    var refusedPackets = 0

    /// Whether its control channel is being watched.
    var isControlWatched = true

    /// A worker that was just started.
    init(
        _ spawned: consuming WorkerSpawner.Spawned,
        generation: Int,
        machine: WorkerMachine,
        start: StartFacts,
        at now: Instant
    ) {
        self.generation = generation
        self.start = start
        link = spawned.link
        process = spawned.process
        control = spawned.control
        controlOfWorker = spawned.controlOfWorker
        self.machine = machine
        startedAt = now
        watch = WorkerWatch(jitter: Double.random(in: 0..<1))
    }

    /// The worker's number.
    var id: Int { link.id }

    /// Who it is, for events.
    var identity: WorkerIdentity {
        WorkerIdentity(id: id, slot: link.slot, generation: generation, pid: Int(process.pid))
    }

    /// Sends it a control packet without a body.
    ///
    /// Never waits.
    func sendControl(_ type: ControlType) -> SendResult {
        control.send(ControlHead(type).encoded())
    }

    /// The whole machine slept, or somebody stopped the worker by hand: what it missed is nobody's fault.
    ///
    /// - Parameters:
    ///   - now: The moment.
    ///   - gap: For how long the machine may have slept; nil: restart all, whatever it was.
    func restartClocks(at now: Instant, after gap: Duration? = nil) {
        machine.restartClocks(at: now, after: gap)
        watch.restartClocks(at: now, after: gap)
        link.restartClocks(at: now)
    }

    /// Its process group: everything it started and did not move elsewhere.
    var group: ProcessGroup { ProcessGroup(id: process.pid) }
}

/// What is left of a worker whose first process has ended: processes of its group that must end too.
struct DepartingGroup {
    /// The worker.
    let id: Int
    /// The group.
    let group: ProcessGroup
    /// When it gets SIGKILL; nil once it has.
    var killAt: Instant?
}
