// SPDX-License-Identifier: Apache-2.0

internal import CMaitredWire
internal import Glibc
internal import MaitredSystem

extension WorkerEnvironment {
    /// The same with descriptors that are there: those that it names, or, when one was closed on the way, new ones from
    /// the worker socket.
    ///
    /// May wait for the master, up to 5 s.
    ///
    /// - Throws: `WireError.environment` when they are lost and the master does not give them again.
    package func withDescriptors() throws(WireError) -> WorkerEnvironment {
        let named = entrances.references + [control, load]
        guard let socket, !named.allSatisfy(\.isThere) else { return self }
        var head = maitred_fetch()
        var numbers = [CInt](repeating: -1, count: Int(MAITRED_FETCH_DESCRIPTORS_MAX))
        let count = unsafe maitred_fetch_descriptors(socket, &head, &numbers)
        guard count >= 0 else {
            throw .environment(variable: Self.socketVariable, problem: Self.reason(-count))
        }
        var references: [DescriptorReference] = []
        for number in numbers.prefix(Int(count)) {
            // They are open: the kernel has just made them.
            references.append(DescriptorReference(number: number, inode: (try? inodeOfDescriptor(number)) ?? 0))
        }
        let found = Array(references.dropLast(2))
        let areListeners = head.flags & UInt16(MAITRED_FETCH_LISTENERS) != 0
        var environment = self
        environment.entrances = areListeners ? .listeners(found) : .channels(found)
        environment.control = references[found.count]
        environment.load = references[found.count + 1]
        return environment
    }

    private static func reason(_ errno: CInt) -> String {
        guard errno == EACCES else {
            return "descriptors were closed on the way, and it does not give them again: "
                + SystemError(call: "connect to", object: socketVariable, errno: errno).description
        }
        return "descriptors were closed on the way, and the master takes this process for none of a worker's"
    }
}
