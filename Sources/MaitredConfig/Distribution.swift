// SPDX-License-Identifier: Apache-2.0

public import MaitredBalance

/// Who decides which worker a connection goes to: the master by one of its strategies, or the operating system.
///
/// The names of `--strategy`. A master is one or the other kind for its whole life, because its workers are started with
/// other descriptors.
public enum Distribution: Hashable, Sendable {
    /// The master accepts, and a strategy of this name chooses.
    case chosen(by: StrategyName)

    /// Workers share the listeners and accept themselves: a connection is whose accept was first.
    case kernel

    /// Each worker has listeners of its own on the same addresses: the kernel decides by a hash of the addresses.
    case reuseport

    /// Whether the master accepts and chooses.
    public var isChosen: Bool {
        switch self {
        case .chosen: true
        case .kernel, .reuseport: false
        }
    }

    /// Whether a master that runs can go over to another without a restart.
    ///
    /// - Parameter other: What it is to be.
    /// - Returns: True between the strategies that choose, and when nothing changes.
    public func canBecome(_ other: Distribution) -> Bool {
        self == other || isChosen && other.isChosen
    }

    /// What it does, in a line for `--help`.
    public var summary: String {
        switch self {
        case .chosen(let name): name.summary
        case .kernel: "the worker that accepts first: all share the listeners, and the kernel chooses"
        case .reuseport: "the worker that the kernel's hash names: each has TCP listeners of its own (SO_REUSEPORT)"
        }
    }
}

extension Distribution: RawRepresentable {
    /// The distribution of a name, nil when there is none.
    public init?(rawValue: String) {
        guard let found = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = found
    }

    /// The name that the command line gives it.
    public var rawValue: String {
        switch self {
        case .chosen(let name): name.rawValue
        case .kernel: "kernel"
        case .reuseport: "reuseport"
        }
    }
}

extension Distribution: CaseIterable {
    /// Every one: first the strategies that choose.
    public static var allCases: [Distribution] {
        StrategyName.allCases.map { .chosen(by: $0) } + [.kernel, .reuseport]
    }
}
