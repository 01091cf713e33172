// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredSystem
import MaitredTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct DescriptorTests {
    @Test func `a descriptor is closed once, when its owner goes`() async {
        await #expect(processExitsWith: .success) {
            let before = openDescriptorCount()
            do {
                let first = try Descriptor.null()
                let second = try first.duplicate()
                #expect(openDescriptorCount() == before + 2)
                #expect(isCloseOnExec(first.number) && isCloseOnExec(second.number))
                #expect(try first.inode() == second.inode())
            }
            #expect(openDescriptorCount() == before)
        }
    }

    @Test func `a released descriptor stays open`() async {
        await #expect(processExitsWith: .success) {
            let number = try Descriptor.null().release()
            #expect(isOpen(number))
            close(number)
            #expect(!isOpen(number))
        }
    }

    @Test func `a descriptor that moved into an optional is closed when that is emptied`() async {
        await #expect(processExitsWith: .success) {
            let before = openDescriptorCount()
            var held: Descriptor? = try Descriptor.null()
            #expect(openDescriptorCount() == before + 1)
            held = nil
            #expect(openDescriptorCount() == before)
            #expect(held?.number == nil)
        }
    }

    @Test func `closing one duplicate leaves the other open`() throws {
        let number: Int32
        let second: Descriptor
        do {
            let first = try Descriptor.null()
            second = try first.duplicate()
            number = second.number
        }
        #expect(isOpen(number))
        #expect(try second.inode() == inodeOfDescriptor(number))
    }

    @Test func `a number that is not open has no inode`() {
        let error = systemError { () throws(SystemError) in _ = try inodeOfDescriptor(999_999) }
        #expect(error?.errno == EBADF)
        #expect(error?.description == "cannot inspect descriptor 999999: Bad file descriptor (EBADF)")
    }

    @Test func `closed standard descriptors are opened, to be inherited`() async {
        await #expect(processExitsWith: .success) {
            waitForRuntime()
            for number: Int32 in 0...2 { close(number) }
            let before = openDescriptorCount()
            try openStandardDescriptors()
            #expect(openDescriptorCount() == before + 3)
            for number: Int32 in 0...2 { #expect(isOpen(number) && !isCloseOnExec(number)) }
            try openStandardDescriptors()
            #expect(openDescriptorCount() == before + 3)
        }
    }

    @Test func `inherited descriptors become close-on-exec from a number up`() async {
        await #expect(processExitsWith: .success) {
            let first = try Descriptor.null()
            let second = try first.duplicate()
            for number in [first.number, second.number] { _ = fcntl(number, F_SETFD, 0) }
            try closeOnExec(from: second.number)
            #expect(isCloseOnExec(second.number))
            #expect(first.number > second.number || !isCloseOnExec(first.number))
        }
    }
}
