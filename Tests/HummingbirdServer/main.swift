// SPDX-License-Identifier: Apache-2.0

// A Hummingbird application as its documentation begins, which knows nothing of maitred.

import Glibc
import Hummingbird

func variable(_ name: String) -> String {
    getenv(name).map { String(cString: $0) } ?? ""
}

let answer = "id=\(variable("MAITRED_WORKER_ID"))\n"

let router = Router()
router.get("/") { _, _ in answer }
router.get("/slow") { _, _ in
    try await Task.sleep(for: .milliseconds(300))
    return answer + String(repeating: ".", count: 100_000) + "\nwhole\n"
}

let application = Application(
    router: router,
    configuration: .init(address: .hostname("0.0.0.0", port: Int(variable("PORT")) ?? 8080))
)
try await application.runService()
