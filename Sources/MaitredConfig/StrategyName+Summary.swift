// SPDX-License-Identifier: Apache-2.0

package import MaitredBalance

extension StrategyName {
    /// What the strategy picks, in the one line that `--help` prints beside its name.
    package var summary: String {
        switch self {
        case .roundRobin: return "the next one in turn"
        case .leastConnections: return "the one with the fewest open connections"
        case .leastMemory: return "the one that will probably use the least memory"
        case .powerOfTwo: return "the less busy of two"
        case .sourceHash: return "always the same one for a client address"
        case .random: return "any one"
        }
    }
}
