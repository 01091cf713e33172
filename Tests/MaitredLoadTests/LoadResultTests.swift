// SPDX-License-Identifier: Apache-2.0

import MaitredLoad
import Testing

struct LoadResultTests {
    @Test func `what failed is the sum of all reasons`() {
        var result = LoadResult()
        #expect(result.failed == 0)
        result.errors = [.refused: 2, .timeout: 3]
        #expect(result.failed == 5)
    }
}
