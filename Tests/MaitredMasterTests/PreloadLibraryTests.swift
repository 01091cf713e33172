// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MaitredMaster

struct PreloadLibraryTests {
    @Test func `it comes before what is loaded already, and is named for its own removal`() {
        let added = PreloadLibrary.added("/x/lib.so", to: ["B=2", "LD_PRELOAD=/a.so /b.so", "A=1"])
        #expect(added == ["A=1", "B=2", "LD_PRELOAD=/x/lib.so:/a.so /b.so", "MAITRED_PRELOAD=/x/lib.so"])
    }

    @Test func `alone where nothing else is loaded`() {
        #expect(
            PreloadLibrary.added("/x/lib.so", to: ["LD_PRELOAD="]) == [
                "LD_PRELOAD=/x/lib.so", "MAITRED_PRELOAD=/x/lib.so",
            ]
        )
        #expect(PreloadLibrary.added("/x/lib.so", to: []) == ["LD_PRELOAD=/x/lib.so", "MAITRED_PRELOAD=/x/lib.so"])
    }
}
