// SPDX-License-Identifier: Apache-2.0

/// The load pages of several workers and what each said at the last look: finds those that say something new.
///
/// In most wakeups most have not changed. So the search touches nothing else of a worker, and stays inside this module,
/// where it is a few instructions for a page.
package struct PageWatch {
    private var pages: [Watched] = []

    private struct Watched {
        /// Good for as long as the page, which its owner keeps until it is removed here.
        let rows: LoadRows
        var known = LoadFingerprint()
        /// Whether the page is known to say what its owner was told; false when that was told something newer since.
        var isKnown = false
    }

    /// A watch over no page.
    package init() {}

    /// Watches one page more, at the end; it counts as changed.
    package mutating func append(_ page: LoadPage) {
        pages.append(Watched(rows: page.rows))
    }

    /// Watches a page no longer, and moves those behind it up by one.
    package mutating func remove(at index: Int) {
        pages.remove(at: index)
    }

    /// The page counts as changed at the next look, whatever it says.
    package mutating func forget(at index: Int) {
        pages[index].isKnown = false
    }

    /// Whether a page says something else than at the last look, which this one now is.
    package mutating func hasChanged(at index: Int) -> Bool {
        firstChanged(in: index..<index + 1) != nil
    }

    /// Looks at pages in order, up to the first that says something else than at the last look.
    ///
    /// - Parameter start: Where to begin: 0, or one behind what the last call returned.
    /// - Returns: The page's place; nil when none of them has changed.
    package mutating func nextChanged(from start: Int) -> Int? {
        firstChanged(in: start..<pages.count)
    }

    private mutating func firstChanged(in range: Range<Int>) -> Int? {
        var span = pages.mutableSpan
        for index in range {
            let found = span[index].rows.fingerprint()
            if span[index].isKnown, span[index].known == found { continue }
            span[index].known = found
            span[index].isKnown = true
            return index
        }
        return nil
    }
}
