// SPDX-License-Identifier: Apache-2.0

/// Elements and text of HTML and SVG.
///
/// Text and values of attributes are escaped when they are written, so nothing that a report says can become an element.
indirect enum Markup {
    /// What is read, as it is.
    case text(String)
    /// A name, attributes, of which empty ones are not written, and what is inside.
    case element(String, KeyValuePairs<String, String>, [Markup])

    /// Elements that have no inside and are closed where they begin.
    private static let empty: Set<String> = ["br", "line", "meta", "path", "rect"]

    /// An element with things inside.
    static func tag(_ name: String, _ attributes: KeyValuePairs<String, String>, _ inside: [Markup]) -> Markup {
        .element(name, attributes, inside)
    }

    /// An element with a text inside, or with nothing.
    static func tag(_ name: String, _ attributes: KeyValuePairs<String, String>, _ text: String = "") -> Markup {
        .element(name, attributes, text.isEmpty ? [] : [.text(text)])
    }

    /// An element without attributes and with things inside.
    static func tag(_ name: String, _ inside: [Markup]) -> Markup { .element(name, [:], inside) }

    /// An element without attributes and with a text inside.
    static func tag(_ name: String, _ text: String) -> Markup { .tag(name, [:], text) }

    /// As it stands in a file.
    var written: String {
        var output = ""
        write(to: &output)
        return output
    }

    private func write(to output: inout String) {
        switch self {
        case .text(let text):
            output += Self.escaped(text)
        case .element(let name, let attributes, let inside):
            output += "<\(name)"
            for (key, value) in attributes where !value.isEmpty {
                output += " \(key)=\"\(Self.escaped(value))\""
            }
            if inside.isEmpty, Self.empty.contains(name) {
                output += "/>"
            } else {
                output += ">"
                for part in inside { part.write(to: &output) }
                output += "</\(name)>"
            }
            if Self.endsLine.contains(name) { output += "\n" }
        }
    }

    /// Elements with a line of their own, for who reads the file itself.
    private static let endsLine: Set<String> = [
        "div", "figcaption", "figure", "h1", "h2", "head", "header", "li", "p", "path", "section", "style",
        "svg", "table", "title", "tr",
    ]

    /// A text without anything that HTML gives a meaning, or that no file may contain.
    static func escaped(_ text: String) -> String {
        var output = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": output += "&amp;"
            case "<": output += "&lt;"
            case ">": output += "&gt;"
            case "\"": output += "&quot;"
            case "'": output += "&#39;"
            case "\n", "\t": output.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value): output += "\u{FFFD}"
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output
    }
}
