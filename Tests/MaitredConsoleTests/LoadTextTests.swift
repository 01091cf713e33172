// SPDX-License-Identifier: Apache-2.0

import MaitredBench
import MaitredConsole
import Testing

struct LoadTextTests {
    private func report(rate: Double? = nil) -> LoadReport {
        let request = LoadReport.Request(
            url: "http://127.0.0.1:8080/",
            mode: rate == nil ? "closed" : "open",
            connections: rate == nil ? 64 : nil,
            rate: rate,
            burst: nil,
            threads: 2,
            keepAlive: false,
            idle: 0
        )
        var report = LoadReport(request: request)
        report.seconds = 10
        report.throughput = 12_345.6
        report.answered = 123_456
        report.connectionsOpened = 123_500
        report.bytes = 20_000_000
        report.latency = LoadReport.Latency(min: 0.1, mean: 1.5, max: 1203) { $0 / 10 }
        report.serviceTime = report.latency
        report.cpuSeconds = 5
        return report
    }

    @Test func `a closed loop's figures, aligned`() {
        #expect(
            LoadText.of(report()) == """
                10.0 s of http://127.0.0.1:8080/, 64 connections, 2 threads, a new connection for each request

                throughput  12,346 requests/s, 2.0 MB/s
                            p50       p75       p90       p99       p99.9     p99.99    max
                latency     5.0ms     7.5ms     9.0ms     9.9ms     10ms      10ms      1.2s
                answered    123,456 on 123,500 connections
                failed      0
                generator   0.50 processors, 40.5 us a request

                """
        )
    }

    @Test func `an open loop has the time from the send too, and failures have kinds`() {
        var report = report(rate: 2000)
        report.errors = ["timeout": 3, "refused": 1200, "reset": 0, "shortBody": 3]
        report.failed = 1206
        report.unfinished = 7
        let text = LoadText.of(report)
        #expect(text.contains("2,000 requests/s wanted"))
        #expect(text.contains("\nfrom send   5.0ms"))
        #expect(text.contains("failed      1,206: 1,200 refused, 3 cut short, 3 timeout\n"))
        #expect(text.contains("; 7 had no answer yet at the end"))
    }

    @Test func `it says when it was the bottleneck itself`() {
        var report = report(rate: 2000)
        #expect(!report.wasBottleneck)
        report.late = 1000
        report.latestBy = 12
        #expect(LoadText.of(report).contains("bottleneck: 1,000 requests were sent late, by 12ms at most."))
        report.late = 0
        report.cpuSeconds = 19
        #expect(LoadText.of(report).contains("bottleneck: its threads had no time left."))
    }

    @Test func `nothing at all can be printed`() {
        var report = report()
        report.seconds = 0
        report.answered = 0
        report.throughput = 0
        #expect(LoadText.of(report).contains("throughput  0 requests/s, 0 B/s\nlatency     nothing was answered\n"))
    }

    @Test func `progress is one line`() {
        let line = LoadText.progress(elapsed: 3.25, total: 10, isMeasuring: true, answered: 4321, failed: 2)
        #expect(line == "measuring, 3.3 of 10.0 s: 4,321 answered, 2 failed")
    }
}
