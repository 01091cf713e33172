// SPDX-License-Identifier: Apache-2.0

internal import MaitredBalance
internal import MaitredSupervise
internal import MaitredWire

/// The workers that can be linked to, and what the balancer knows of them: two arrays in step, by index.
///
/// An index is good until the next `leave`. Who keeps something for longer keeps the id.
final class Roster {
    /// The workers, in the order of the balancer's table.
    private(set) var links: [WorkerLink] = []

    /// Their load pages, for `look`, which touches nothing else of a worker that has not changed.
    private var watch = PageWatch()

    /// Load table and strategy.
    var balancer: Balancer

    /// A roster without workers.
    init(strategy: any BalancingStrategy, queueDepth: Int, maxConnections: Int?) {
        balancer = Balancer(
            table: LoadTable(queueDepth: queueDepth, maxConnections: maxConnections),
            strategy: strategy
        )
    }

    /// Workers whose channels are to be emptied by others: busy, held and draining ones.
    private(set) var revocableCount = 0

    /// Whether somebody may be given a connection now.
    var isAnyoneEligible: Bool { balancer.table.eligibleCount > 0 }

    /// Whether somebody could become eligible by taking or closing something.
    var isAnyoneReady: Bool {
        balancer.table.workers.contains { $0.isReady && !$0.isDraining }
    }

    /// Whether somebody finishes what it has.
    var isAnyoneDraining: Bool {
        revocableCount > 0 && balancer.table.workers.contains { $0.isDraining }
    }

    /// Whether a worker in the rotation takes what comes to a listener.
    func takes(listener: Int) -> Bool {
        for (index, link) in links.enumerated() {
            let worker = balancer.table.workers[index]
            if worker.isReady, !worker.isDraining, link.takes(listener: listener) { return true }
        }
        return false
    }

    /// Whether a worker's next close may be what is waited for: it drains, or is full by its connections, not its queue.
    func matters(closeAt index: Int, waitsForPlace: Bool) -> Bool {
        let worker = balancer.table.workers[index]
        return worker.isDraining || (waitsForPlace && worker.open >= balancer.table.maxConnections ?? .max)
    }

    /// Adds a worker that is not in the rotation yet.
    func join(_ link: WorkerLink) {
        links.append(link)
        watch.append(link.page)
        balancer.join(id: link.id, slot: link.slot)
    }

    /// Removes a worker.
    func leave(id: Int) {
        guard let index = index(of: id) else { return }
        links.remove(at: index)
        watch.remove(at: index)
        balancer.remove(at: index)
        countRevocable()
    }

    /// Takes a worker into the rotation.
    func setReady(at index: Int) {
        balancer.table.setReady(true, at: index)
    }

    /// Takes a worker out of the rotation for good.
    func setDraining(at index: Int) {
        balancer.table.setDraining(true, at: index)
        countRevocable()
    }

    /// Takes a worker out of the rotation until it takes something, or back in.
    func setBusy(_ isBusy: Bool, at index: Int) {
        balancer.table.setBusy(isBusy, at: index)
        countRevocable()
    }

    /// Takes a worker out of the rotation by hand, or puts it back.
    func setHeld(_ isHeld: Bool, at index: Int) {
        balancer.table.setHeld(isHeld, at: index)
        countRevocable()
    }

    /// Whether what a worker has not taken should go to others.
    func isRevocable(at index: Int) -> Bool {
        let worker = balancer.table.workers[index]
        return worker.isDraining || worker.isBusy || worker.isHeld
    }

    private func countRevocable() {
        revocableCount = links.indices.count { isRevocable(at: $0) }
    }

    /// Where a worker stands, nil when it is gone.
    func index(of id: Int) -> Int? {
        links.firstIndex { $0.id == id }
    }

    /// What a wakeup does before anybody is chosen: reads every load page, if what they say can matter.
    ///
    /// Counts that were not read since can only be high: a worker takes and closes by itself, and is given nothing but by
    /// this master. So as long as everybody is eligible by them, a strategy that asks no more than that needs no look.
    func prepareToPick() {
        if balancer.comparesLoads || balancer.table.eligibleCount < links.count {
            look()
        } else {
            balancer.table.clearRefusing()
        }
    }

    /// The fewest connections that wait for a worker that takes them, by a look of this moment.
    ///
    /// - Returns: nil when it is less than `enough`, or nobody takes any.
    func leastQueued(enough: Int) -> Int? {
        // Counts that were not read since can only be high.
        guard let known = balancer.table.leastQueued, known >= enough else { return nil }
        look()
        return balancer.table.leastQueued.flatMap { $0 >= enough ? $0 : nil }
    }

    /// Reads every load page into the table.
    func look() {
        balancer.table.clearRefusing()
        var next = 0
        while let index = watch.nextChanged(from: next) {
            refresh(at: index)
            next = index + 1
        }
    }

    /// Brings the table up to date with a worker's page and queue.
    private func refresh(at index: Int) {
        let link = links[index]
        let reading = link.page.read()
        link.queue.observe(taken: reading.taken)
        let holds = reading.holds &+ link.queue.unreported
        balancer.table.refresh(at: index, queued: link.queue.queued, holds: holds)
    }

    /// Counts a connection that a worker was just given.
    func handed(at index: Int, now: Instant) {
        let link = links[index]
        // Before the page is read: the worker may have taken and reported it already.
        link.queue.handed()
        link.handed &+= 1
        balancer.table.handed(at: index)
        // Since when something waits has to be right: the page may not have been read since the last hand.
        if link.queue.queued > 1, watch.hasChanged(at: index) { refresh(at: index) }
        if link.queue.queued <= 1 { link.queuedSince = now }
        // At its depth the count decides whether the worker is full: then the kernel is asked.
        if link.queue.queued >= balancer.table.queueDepth { settle(at: index) }
    }

    /// Counts a connection that the master took back from a worker's channel.
    func tookBack(from link: WorkerLink) {
        link.queue.tookBack()
        link.takenBack &+= 1
        if let index = index(of: link.id) { watch.forget(at: index) }
    }

    /// A second has passed: a place that was kept for a take which nobody reports is free.
    func beginSecond(at index: Int) {
        links[index].queue.beginSecond()
        refresh(at: index)
    }

    /// Frees rows of a worker's page whose process is gone.
    ///
    /// - Parameters:
    ///   - index: The worker.
    ///   - leader: A pid known to live.
    ///   - limit: The most rows to look up.
    func dropDeadRows(at index: Int, leader: Int32, limit: Int) {
        // What is left of the page may happen to add up to what the last look found.
        if links[index].page.dropDeadRows(leader: leader, limit: limit) > 0 { watch.forget(at: index) }
    }

    /// Sets a worker's queue to what the kernel says, in both arrays.
    func settle(at index: Int) {
        links[index].reconcile()
        // Read after the kernel was asked: what was taken meanwhile is held, and counts twice rather than not at all.
        refresh(at: index)
        // The page may go back to what the last look found, of which the table then knows nothing.
        watch.forget(at: index)
    }

    /// Sets the queue of every worker to what the kernel says: before it is believed that nobody has room.
    func settleAll() {
        for index in links.indices where links[index].queue.queued > 0 { settle(at: index) }
    }

    /// Whether any channel holds a packet, connections and knocks alike, by count.
    var isAnythingQueued: Bool {
        links.contains { $0.queue.queued > 0 || $0.progress.isBusy }
    }

    /// Connections that wait in channels, by count.
    var queuedCount: Int { links.reduce(0) { $0 + $1.queue.queued } }

    /// Connections that workers have or will take, by count.
    var openCount: Int { balancer.table.workers.reduce(0) { $0 + $1.open } }
}
