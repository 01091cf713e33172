// SPDX-License-Identifier: Apache-2.0

import CMaitredWire
import Glibc
import MaitredSystem
import MaitredWire

/// A page as a worker process sees it: this process has a row in it.
func workerPage(of page: LoadPage) throws -> WorkerPage {
    try WorkerPage(adopting: Descriptor(owning: duplicate(of: page)))
}

/// A second descriptor of a page's memory, which the caller closes.
func duplicate(of page: LoadPage) throws -> Int32 {
    try page.withDescriptor { (descriptor) throws(SystemError) in try descriptor.duplicate().release() }
}

/// The raw bytes of a page, mapped until the process ends.
func mapped(_ page: LoadPage) throws -> UnsafeMutableRawPointer {
    page.withDescriptor { descriptor in
        mmap(nil, LoadPage.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.number, 0)!
    }
}

/// The header of a mapped page.
func header(_ raw: UnsafeMutableRawPointer) -> UnsafeMutablePointer<maitred_page_header> {
    raw.assumingMemoryBound(to: maitred_page_header.self)
}

/// A row of a mapped page.
func row(_ raw: UnsafeMutableRawPointer, _ index: Int) -> UnsafeMutablePointer<maitred_row> {
    maitred_page_row(raw, UInt32(index))
}
