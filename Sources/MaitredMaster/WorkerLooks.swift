// SPDX-License-Identifier: Apache-2.0

package import MaitredSupervise
internal import MaitredSystem

/// What `/proc` shows of the processes of a worker: for a person who asks why a program is no worker.
package enum WorkerLooks {
    /// Looks at processes.
    ///
    /// - Parameters:
    ///   - pids: The processes, of this one's network; those that are gone are left out.
    ///   - owner: Whom they were started as.
    /// - Returns: What was seen, in the same order.
    package static func looks(at pids: [Int32], owner: WorkerOwner) -> [ProcessLook] {
        let listeners = ListeningTable().entries
        return pids.compactMap { pid in
            guard ProcessFiles.status(of: pid)?.isAlive == true else { return nil }
            let memory = ProcessFiles.memory(of: pid, file: PreloadLibrary.name) { line in
                line.hasPrefix("MAITRED_HANDOFF_FDS=")
            }
            let sockets = ProcessFiles.sockets(of: pid)
            return ProcessLook(
                pid: pid,
                command: command(of: pid, memory?.words ?? []),
                obstacle: obstacle(of: pid, owner),
                hasLibrary: memory?.hasFile,
                hasVariables: memory?.hasVariable,
                places: listeners.filter { sockets.contains($0.inode) }
                    .map { ListeningPlace(address: $0.address, port: $0.port) }
            )
        }
    }

    /// Its words; a process that shows none has a name at least.
    private static func command(of pid: Int32, _ words: [String]) -> String {
        words.isEmpty ? ProcessFiles.name(of: pid) ?? "" : words.joined(separator: " ")
    }

    private static func obstacle(of pid: Int32, _ owner: WorkerOwner) -> ProgramObstacle? {
        guard let facts = ExecutableFacts.read("/proc/\(pid)/exe"), case .elf(let elf) = facts.form else { return nil }
        return ProgramTraits(facts, elf, owner).obstacle
    }
}
