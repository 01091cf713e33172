// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import Testing

struct SystemErrorTests {
    @Test func `an error says what failed, on what, and why`() {
        let error = SystemError(call: "bind", object: "0.0.0.0:80", errno: EACCES)
        #expect(error.description == "cannot bind 0.0.0.0:80: Permission denied (EACCES)")
    }

    @Test func `an error without an object has no hole`() {
        let error = SystemError(call: "create an epoll", object: "", errno: EMFILE)
        #expect(error.description == "cannot create an epoll: Too many open files (EMFILE)")
    }

    @Test func `a negative error number is the same error`() {
        #expect(SystemError(call: "a", object: "b", errno: -EPERM) == SystemError(call: "a", object: "b", errno: EPERM))
    }

    @Test func `an unknown number has words, but no name`() {
        #expect(SystemError.words(for: 4095) == "Unknown error 4095")
    }
}
