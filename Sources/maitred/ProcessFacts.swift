// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredConfig

/// The variables of this process's environment that are settings.
func settingsInEnvironment() -> [EnvironmentVariable] {
    Setting.all.compactMap { setting in
        // SAFETY: one thread and nobody calls setenv; the value is copied at once.
        guard let value = unsafe getenv(setting.variable) else { return nil }
        return EnvironmentVariable(name: setting.variable, value: unsafe String(cString: value))
    }
}

/// The processors that are online; at least 1.
func processorCount() -> Int {
    max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
}
