// SPDX-License-Identifier: Apache-2.0

import MaitredControl
import Testing

@testable import MaitredConsole

struct TopScreenTests {
    private let many = service((0..<100).map { slot in worker(slot + 1, slot: slot) { $0.open = (slot * 37) % 100 } })

    /// The numbers in the first column of what is shown.
    private func shown(_ screen: inout TopScreen, _ width: Int = 80, _ height: Int = 24) -> [Int] {
        texts(screen.lines(width: width, height: height)).compactMap { text in
            text.split(separator: " ").first.flatMap { Int($0) }
        }
    }

    @Test(arguments: [1, 2, 3, 4, 10, 24, 50], [0, 1, 5, 100])
    func `it fills the window and never more`(_ height: Int, _ count: Int) {
        var screen = TopScreen(service((0..<count).map { worker($0 + 1, slot: $0) }))
        for width in [1, 20, 80, 200] {
            let lines = screen.lines(width: width, height: height)
            #expect(lines.count == height)
            #expect(texts(lines, columns: width).allSatisfy { TextWidth.of($0) <= width })
        }
        _ = screen.press(.character("h"))
        #expect(screen.lines(width: 80, height: height).count == height)
    }

    @Test func `a small window shows rows rather than the head`() {
        var screen = TopScreen(many)
        #expect(shown(&screen, 80, 6).count >= 3)
    }

    @Test func `arrows and pages scroll within the rows`() {
        var screen = TopScreen(many)
        let room = shown(&screen).count
        _ = screen.press(.down)
        #expect(shown(&screen).first == 2)
        _ = screen.press(.pageDown)
        #expect(shown(&screen).first == 2 + room)
        _ = screen.press(.end)
        _ = screen.press(.down)
        #expect(shown(&screen).last == 100)
        _ = screen.press(.up)
        #expect(shown(&screen).last == 99)
        _ = screen.press(.home)
        _ = screen.press(.up)
        #expect(shown(&screen).first == 1)
    }

    @Test func `the footer says which rows are shown`() {
        var screen = TopScreen(many)
        _ = screen.press(.down)
        #expect(
            texts(screen.lines(width: 80, height: 24)).last == "q quit  h help  sort: swaoutrmcx  2-16 of 100  by slot"
        )
    }

    @Test func `a letter sorts by its column and R reverses`() {
        var screen = TopScreen(many)
        #expect(screen.press(.character("o")) == .draw)
        let descending = shown(&screen).map { many.workers[$0 - 1].open }
        #expect(descending == descending.sorted(by: >) && descending.first == 99)
        _ = screen.press(.character("R"))
        #expect(shown(&screen).map { many.workers[$0 - 1].open }.first == 0)
    }

    @Test func `keys that mean nothing change nothing`() {
        var screen = TopScreen(many)
        #expect(screen.press(.character("Z")) == .nothing)
        #expect(screen.press(.character(" ")) == .refresh)
        #expect(screen.press(.character("q")) == .quit)
    }

    @Test func `help stays until a key, and q quits there too`() {
        var screen = TopScreen(many)
        _ = screen.press(.character("h"))
        screen.update(many)
        #expect(texts(screen.lines(width: 80, height: 24))[0] == "maitred top")
        #expect(screen.press(.character("o")) == .draw)
        #expect(shown(&screen).first == 1)
        _ = screen.press(.character("?"))
        #expect(screen.press(.character("q")) == .quit)
    }

    @Test func `a notice stands in the footer until a report comes`() {
        var screen = TopScreen(many)
        screen.notice = "the master is gone"
        #expect(texts(screen.lines(width: 80, height: 24)).last == "the master is gone")
        screen.update(many)
        #expect(texts(screen.lines(width: 80, height: 24)).last != "the master is gone")
    }

    @Test func `fewer workers than before leave no empty screen`() {
        var screen = TopScreen(many)
        _ = shown(&screen)
        _ = screen.press(.end)
        screen.update(service([worker(7, slot: 0)]))
        #expect(shown(&screen) == [7])
    }
}
