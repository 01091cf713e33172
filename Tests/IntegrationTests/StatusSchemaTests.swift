// SPDX-License-Identifier: Apache-2.0

import Glibc
import MaitredTesting
import Testing

extension Integration {
    /// docs/CONTROL.md and what a master says: each has what the other has.
    struct StatusSchemaTests {
        @Test func `each field of the report is described, with its type, and each that is described is there`() throws
        {
            try withTemporaryDirectory { directory in
                let file = "\(directory)/maitred.conf"
                try writeFile(file, "MAITRED_MAX_AGE=1h\n")
                // Slot 2 never gets ready, and is tried again much later.
                let script = #"[ "$MAITRED_WORKER_SLOT" != 2 ] || exit 1; exec "$0""#
                let worker = ["/bin/sh", "-c", script, try ProgramPath.built("maitred-test-worker")]
                let options = ["--restart-delay", "30s", "--config", file]
                try withControlled(workers: 3, options, worker: worker, ready: 2) { service in
                    try service.events.wait(for: "slot-retrying")
                    _ = LoadRun.run(requests: 20, concurrency: 2, service.address)
                    try standStill(service.service.pid(ofWorker: 1))
                    _ = LoadRun.run(requests: 20, concurrency: 2, service.address)
                    try service.events.wait(for: "worker-busy", worker: 1)
                    // Measured once a second.
                    #expect(try eventually { try service.worker(2)?["cpuPercent"] != nil })
                    try writeFile(file, "MAITRED_MAX_AGE=x\n")
                    #expect(try service.run("reload").code == 1)
                    var seen = Schema(try service.status())
                    try writeFile(file, "MAITRED_LOG_LEVEL=debug\n")
                    #expect(try service.run("reload").code == 0)
                    seen.add(try service.status())
                    let described = try Schema(describedUnder: "### The report")
                    for (name, type) in seen.types { #expect(described.types[name] == type, "\(name)") }
                    for name in described.types.keys { #expect(seen.types[name] != nil, "\(name) is not there") }
                    for (name, values) in seen.words {
                        guard let words = described.words[name], !words.isEmpty else { continue }
                        #expect(values.isSubset(of: words), "\(name)")
                    }
                }
            }
        }

        @Test func `each field of a reply is described, with its type, and each that is described is there`() throws {
            try withControlled(workers: 2) { service in
                let client = try TestClient(.unix(service.path))
                for request in [
                    #""status""#, #""hold""#, #""strategy","strategy":"random""#, #""reload","wait":true"#,
                ] {
                    try client.send(#"{"version":1,"command":\#(request)}"# + "\n")
                }
                client.finishSending()
                var seen = Schema()
                for line in try client.readToEnd().split(separator: "\n") {
                    guard case .object(let fields) = try JSONValue(String(line)) else {
                        Issue.record("no object: \(line)")
                        return
                    }
                    for (name, value) in fields { seen.types[name] = value.type }
                }
                let described = try Schema(describedUnder: "## Requests and replies").types
                #expect(described == seen.types)
                try service.stop()
            }
        }
    }
}

/// The fields of a report: "workers[].id" and what is in them.
private struct Schema {
    var types: [String: String] = [:]
    /// The texts that fields had, or that their description has in code voice.
    var words: [String: Set<String>] = [:]

    init() {}

    init(_ report: JSONValue) {
        add(report)
    }

    mutating func add(_ report: JSONValue, as path: String = "") {
        switch report {
        case .object(let fields):
            if !path.isEmpty, types[path] == nil { types[path] = report.type }
            for (name, value) in fields { add(value, as: path.isEmpty ? name : "\(path).\(name)") }
        case .list(let elements):
            guard let first = elements.first else { return }
            types["\(path)[]"] = "\(first.type)s"
            for case .object(let fields) in elements {
                for (name, value) in fields { add(value, as: "\(path)[].\(name)") }
            }
        default:
            types[path] = report.type
            if let text = report.text { words[path, default: []].insert(text) }
        }
    }

    /// Reads the first table with the columns name, type and meaning below a heading of docs/CONTROL.md.
    init(describedUnder heading: String, file: String = #filePath) throws {
        let root = file.split(separator: "/").dropLast(3).joined(separator: "/")
        let text = try #require(readFile("/\(root)/docs/CONTROL.md"))
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex { $0 == heading }, "no '\(heading)'")
        let table = lines[start...].drop { !$0.hasPrefix("| name |") }.dropFirst(2).prefix { $0.hasPrefix("|") }
        for row in table {
            let cells = row.split(separator: "|").map { $0.trimming() }
            let names = cells[0].matches(of: /`([^`]+)`/).map { String($0.1) }
            let parent = names[0].prefix { $0 != "." }
            for name in names {
                let path = name.hasPrefix(".") ? parent + name : name
                types[path] = cells[1]
                words[path] = Set(cells[2].matches(of: /`([^`]+)`/).map { String($0.1) })
            }
        }
        // A group is described by its fields; that it is an object needs no line.
        for name in types.keys where name.contains(".") {
            let group = String(name.prefix { $0 != "." })
            if !group.hasSuffix("[]") { types[group] = "object" }
        }
    }
}

extension JSONValue {
    /// The type's name in docs/CONTROL.md.
    fileprivate var type: String {
        switch self {
        case .null: "null"
        case .flag: "boolean"
        case .number: "number"
        case .text: "text"
        case .list: "list"
        case .object: "object"
        }
    }
}

extension Substring {
    fileprivate func trimming() -> String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
