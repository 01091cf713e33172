// SPDX-License-Identifier: Apache-2.0

/// The coordinates of a line, as SVG has them.
enum PathData {
    /// A place on the drawing.
    struct Point: Equatable {
        let x: Double
        let y: Double
    }

    /// A line through the points, without those that do not change it; a single point becomes a dot.
    ///
    /// - Parameter points: In order; what is not finite is left out.
    /// - Returns: The value of a path's `d`, empty without points.
    static func line(_ points: [Point]) -> String {
        let kept = simplified(points)
        guard let first = kept.first else { return "" }
        guard kept.count > 1 else { return "M\(pair(first))h0" }
        return "M" + kept.map(pair).joined(separator: "L")
    }

    /// Points that are told apart at a tenth of a pixel, and of a level stretch only its ends.
    private static func simplified(_ points: [Point]) -> [Point] {
        var kept: [Point] = []
        for point in points where point.x.isFinite && point.y.isFinite {
            let point = Point(x: (point.x * 10).rounded() / 10, y: (point.y * 10).rounded() / 10)
            if kept.last == point { continue }
            if let last = kept.last, kept.count > 1, last.y == point.y, kept[kept.count - 2].y == point.y {
                kept.removeLast()
            }
            kept.append(point)
        }
        return kept
    }

    private static func pair(_ point: Point) -> String { "\(number(point.x)) \(number(point.y))" }

    /// A coordinate to a tenth of a pixel.
    static func number(_ value: Double) -> String { Figure.plain((value * 10).rounded() / 10) }
}

/// Labels beside each other that would like to be elsewhere.
enum LabelColumn {
    /// Places as near as can be to where labels belong, a distance from each other, within bounds.
    ///
    /// Labels that would touch form a group around the middle of where they belong; groups that would touch become one.
    ///
    /// - Parameters:
    ///   - wanted: Where each belongs.
    ///   - distance: The least between two; less where the bounds have no room for it.
    ///   - bounds: What all must be within.
    /// - Returns: A place for each, in the order of `wanted`.
    static func places(_ wanted: [Double], distance: Double, within bounds: ClosedRange<Double>) -> [Double] {
        let gaps = Double(max(1, wanted.count - 1))
        let distance = min(distance, (bounds.upperBound - bounds.lowerBound) / gaps)
        let order = wanted.indices.sorted { (wanted[$0], $0) < (wanted[$1], $1) }
        // With the distances taken out, labels may be in the same place but not in the wrong order.
        var groups: [(middle: Double, count: Int)] = []
        for (rank, index) in order.enumerated() {
            groups.append((wanted[index] - Double(rank) * distance, 1))
            while groups.count > 1, groups[groups.count - 2].middle > groups[groups.count - 1].middle {
                let (last, before) = (groups.removeLast(), groups.removeLast())
                let count = before.count + last.count
                let sum = before.middle * Double(before.count) + last.middle * Double(last.count)
                groups.append((sum / Double(count), count))
            }
        }
        let most = bounds.upperBound - Double(wanted.count - 1) * distance
        let starts = groups.flatMap { group in
            repeatElement(min(max(group.middle, bounds.lowerBound), max(most, bounds.lowerBound)), count: group.count)
        }
        var places = wanted
        for (rank, index) in order.enumerated() { places[index] = starts[rank] + Double(rank) * distance }
        return places
    }
}
