// SPDX-License-Identifier: Apache-2.0

extension HTMLReport {
    /// All rules, none of which has a character that would have to be escaped.
    static var stylesheet: String {
        layout + tables + plots + LineStyle.lightRules + "@media screen and (prefers-color-scheme: dark) {\n"
            + darkGround + LineStyle.darkRules + "}\n" + print
    }

    private static let layout = """
        :root { color-scheme: light dark; --paper: #ffffff; --ink: #1a1a1a; --quiet: #5c6166; --rule: #d8dadd;
          --tint: #e3f0e5; --loss: #b3261e; }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink);
          font: 15px/1.5 system-ui, -apple-system, Segoe UI, Roboto, Cantarell, DejaVu Sans, sans-serif;
          font-variant-numeric: tabular-nums; }
        main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 60px; }
        h1 { font-size: 26px; line-height: 1.25; margin: 0 0 10px; font-weight: 600; }
        h2 { font-size: 20px; line-height: 1.3; margin: 0 0 6px; font-weight: 600; }
        h2 small { font-size: 14px; font-weight: 400; color: var(--quiet); margin-left: 6px; }
        section { margin-top: 44px; padding-top: 20px; border-top: 1px solid var(--rule); }
        p, ul { max-width: 78ch; margin: 6px 0; }
        ul { padding-left: 20px; }
        code { font: 13px/1.5 ui-monospace, DejaVu Sans Mono, monospace; overflow-wrap: anywhere; }
        a { color: inherit; text-decoration-color: var(--quiet); text-underline-offset: 2px; }
        .quiet, .notes { color: var(--quiet); }
        .notes { font-size: 14px; }
        .notes h2 { font-size: 16px; }
        .advice { margin: 14px 0 6px; }
        .scroll { overflow-x: auto; margin: 8px 0; }

        """

    private static let tables = """
        table { border-collapse: collapse; font-size: 13.5px; line-height: 1.35; white-space: nowrap; }
        th, td { padding: 3px 5px 3px 9px; text-align: right; font-weight: 400; }
        th:first-child { text-align: left; padding-left: 0; padding-right: 4px; position: sticky; left: 0;
          background: var(--paper); }
        thead th { color: var(--quiet); vertical-align: bottom; }
        thead tr:last-child th { border-bottom: 1px solid var(--rule); }
        .groups th { padding-bottom: 0; font-size: 12px; text-align: center; }
        .groups span { display: block; border-bottom: 1px solid var(--rule); }
        tbody tr:nth-child(4n) td, tbody tr:nth-child(4n) th { border-bottom: 1px solid var(--rule); }
        tbody tr:last-child td, tbody tr:last-child th { border-bottom: 0; }
        td.best { background: var(--tint); }
        td.chosen { font-weight: 600; }
        td.loss { color: var(--loss); font-weight: 600; }
        td.flawed { color: var(--loss); text-decoration: line-through; }
        td.rounds { color: var(--quiet); }

        """

    private static let plots = """
        figure { margin: 22px 0 0; break-inside: avoid; }
        figcaption { color: var(--quiet); font-size: 13.5px; max-width: 78ch; }
        svg { display: block; }
        svg.latency { width: 100%; min-width: 560px; max-width: 800px; }
        svg.piece { display: inline-block; width: 30px; height: 8px; margin-right: 8px; vertical-align: middle; }
        .multiples { display: grid; grid-template-columns: repeat(auto-fill, minmax(225px, 1fr)); gap: 14px 18px;
          margin-top: 10px; }
        .multiples div { break-inside: avoid; }
        .multiples .name { margin: 0; font-size: 13px; font-weight: 600; }
        .spread { width: 100%; max-width: 320px; }
        .grid { stroke: var(--rule); stroke-width: 1; }
        .tick { fill: var(--quiet); font-size: 13px; }
        .spread .tick { font-size: 11.5px; }
        text.name { fill: var(--ink); font-size: 13px; }
        .curve { fill: none; stroke: var(--colour); stroke-dasharray: var(--dashes); stroke-width: 2;
          stroke-linejoin: round; }
        .dot { stroke-width: 6; stroke-linecap: round; stroke-dasharray: none; }
        .hair { fill: none; stroke: var(--colour); stroke-width: 0.75; opacity: 0.7; }
        .worker { fill: none; stroke: var(--colour); stroke-width: 1.2; stroke-linejoin: round; opacity: 0.75;
          stroke-linecap: round; }

        """

    private static let darkGround = """
        :root { --paper: #16181a; --ink: #e6e6e6; --quiet: #a0a5aa; --rule: #373b40; --tint: #21402a;
          --loss: #ff8a80; }

        """

    private static let print = """
        @media print {
        :root { color-scheme: light; }
        body { font-size: 10pt; }
        main { max-width: none; padding: 0; }
        section { break-before: page; border-top: 0; margin-top: 0; }
        .notes { break-before: auto; }
        .scroll { overflow: visible; }
        table { font-size: 7.4pt; }
        th, td { padding-left: 5px; padding-right: 2px; }
        th:first-child { position: static; }
        td.best, .curve { print-color-adjust: exact; }
        .groups th, figcaption, .multiples .name { font-size: 7.4pt; }
        figure { margin-top: 8px; }
        svg.latency { min-width: 0; max-width: 132mm; }
        .multiples { grid-template-columns: repeat(4, 1fr); gap: 6px 12px; }
        }

        """
}
