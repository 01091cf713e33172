// SPDX-License-Identifier: Apache-2.0

/// The version of everything in this package.
public enum ProgramVersion {
    /// As `maitred --version` prints it.
    public static let text = "0.1.0"
}
