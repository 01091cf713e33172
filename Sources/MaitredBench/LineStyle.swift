// SPDX-License-Identifier: Apache-2.0

/// The colour and the dashes of a strategy: the same in all plots and tables, whichever strategies were run.
///
/// The colours are apart in lightness and hue for people who do not see red or green as others do; the dashes tell lines
/// apart without any colour, as on paper.
struct LineStyle {
    /// The class of elements with this colour and these dashes.
    let name: String
    private let onLight: String
    private let onDark: String
    private let dashes: String

    /// A strategy's style; one that is not known has the colour of text.
    static func of(_ strategy: String) -> LineStyle {
        known[strategy] ?? unknown
    }

    private static let known: [String: LineStyle] = [
        "least-connections": LineStyle(name: "s1", onLight: "#0067a8", onDark: "#5aa9f0", dashes: "none"),
        "power-of-two": LineStyle(name: "s2", onLight: "#008a66", onDark: "#2fc79b", dashes: "10 3"),
        "round-robin": LineStyle(name: "s3", onLight: "#c07a00", onDark: "#f0b03c", dashes: "6 3"),
        "least-memory": LineStyle(name: "s4", onLight: "#b0508a", onDark: "#e291c0", dashes: "12 3 2 3"),
        "source-hash": LineStyle(name: "s5", onLight: "#c24a00", onDark: "#ff8a4d", dashes: "2 3"),
        "random": LineStyle(name: "s6", onLight: "#2f9bd0", onDark: "#a5dcff", dashes: "7 3 2 3 2 3"),
        "kernel": LineStyle(name: "s7", onLight: "#444444", onDark: "#d0d0d0", dashes: "4 2"),
        "reuseport": LineStyle(name: "s8", onLight: "#848484", onDark: "#929292", dashes: "1 3"),
    ]

    private static let unknown = LineStyle(name: "s0", onLight: "#000000", onDark: "#ffffff", dashes: "16 4")

    private static var all: [LineStyle] { [unknown] + known.values.sorted { $0.name < $1.name } }

    /// The rules of all styles on light ground.
    static var lightRules: String {
        all.map { ".\($0.name){--colour:\($0.onLight);--dashes:\($0.dashes)}\n" }.joined()
    }

    /// The colours on dark ground.
    static var darkRules: String {
        all.map { ".\($0.name){--colour:\($0.onDark)}\n" }.joined()
    }
}
