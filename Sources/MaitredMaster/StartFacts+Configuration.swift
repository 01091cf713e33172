// SPDX-License-Identifier: Apache-2.0

package import MaitredConfig
package import MaitredSupervise

extension StartFacts {
    /// What is known of a worker before it is started.
    ///
    /// - Parameters:
    ///   - configuration: What is wanted.
    ///   - program: What its command is in the end.
    ///   - ports: Those of the master's listeners.
    package init(_ configuration: Configuration, _ program: WorkerProgram?, ports: [UInt16]) {
        self.init(library: Self.library(configuration))
        self.program = program?.obstacle
        clearsEnvironment = program?.clearsEnvironment ?? false
        self.ports = ports
    }

    private static func library(_ configuration: Configuration) -> Library {
        if !configuration.usesPreload { return .turnedOff }
        return PreloadLibrary.path == nil ? .missing : .given
    }
}
