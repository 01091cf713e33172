// SPDX-License-Identifier: Apache-2.0

/// What happens while workers are replaced one after another.
public enum RolloutEvent: Sendable, Equatable {
    /// A reload was asked for: by SIGHUP or a client of the control socket.
    case reloading(generation: Int, workers: Int)
    /// Another worker has a successor that is ready, and is gone.
    case step(done: Int, total: Int)
    /// Every slot has a ready worker of the new generation.
    case reloaded(generation: Int, took: Duration)
    /// A successor did not become ready: what is left of the old generation stays.
    case reloadFailed(generation: Int, reason: String)
    /// The new configuration cannot be used; no worker was touched.
    case reloadRefused(reason: String)
    /// A setting was changed that takes effect only with a new master.
    case settingDeferred(name: String)

    var details: EventDetails {
        switch self {
        case .reloading(let generation, let workers):
            EventDetails(
                "reload-started",
                .notice,
                "reloading: replacing \(counted(workers, "worker")) one by one",
                [.whole("generation", generation), .whole("workers", workers)]
            )
        case .step(let done, let total):
            EventDetails(
                "rollout-step",
                .info,
                "replaced \(done) of \(total) workers",
                [.whole("done", done), .whole("total", total)]
            )
        case .reloaded(let generation, let took):
            EventDetails(
                "reload-finished",
                .notice,
                "reloaded in \(took.shortText)",
                [.whole("generation", generation), .seconds("took", took)]
            )
        case .reloadFailed(let generation, let reason):
            EventDetails(
                "reload-failed",
                .error,
                "reload failed: \(reason); the old workers stay",
                [.whole("generation", generation), .text("reason", reason)]
            )
        case .reloadRefused(let reason):
            EventDetails("reload-refused", .error, "nothing is reloaded: \(reason)", [.text("reason", reason)])
        case .settingDeferred(let name):
            EventDetails(
                "setting-deferred",
                .warning,
                "\(name) has changed: that takes effect when the master is restarted",
                [.text("setting", name)]
            )
        }
    }
}
