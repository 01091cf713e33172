// SPDX-License-Identifier: Apache-2.0

import MaitredLoad
import Testing

struct LoadPlanMixTests {
    @Test(arguments: [
        ("1:/", [(1, "/")]),
        ("90:/,10:/work?ms=50", [(90, "/"), (10, "/work?ms=50")]),
        ("3:/a,b,2:/c,4:d", [(3, "/a,b"), (2, "/c,4:d")]),
        ("1:/,1:/,", [(1, "/"), (1, "/,")]),
    ])
    func `weights stand before paths, and a comma may be part of one`(text: String, expected: [(Int, String)]) throws {
        let mix = try LoadPlan.Request.mix(text)
        #expect(mix == expected.map { LoadPlan.Request(weight: $0.0, path: $0.1) })
    }

    @Test(arguments: [
        "", "/", "x:/", "0:/", "1000001:/", "-1:/", "1:", "1:x", "1:/ ", ",1:/", "99999999999999999999:/",
    ])
    func `what is wrong is said`(text: String) {
        #expect(throws: LoadFailure.self) { try LoadPlan.Request.mix(text) }
    }
}
