// SPDX-License-Identifier: Apache-2.0

/// Whether a text is an IPv4 address: four decimal numbers from 0 to 255 without leading zeros.
///
/// Shorter and octal spellings that `inet_aton(3)` would take are refused: nobody means 8.0.0.1 by `010.1`.
func isIPv4Address(_ text: some StringProtocol) -> Bool {
    ipv4Bytes(text) != nil
}

/// The canonical text of an IPv6 address (RFC 5952), or `nil` if the text is none.
///
/// Lower case, no leading zeros, the longest run of two or more zero groups as `::`. A zone (`%eth0`) is kept as it is.
func canonicalIPv6Address(_ text: some StringProtocol) -> String? {
    let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    guard let groups = ipv6Groups(String(parts[0])) else { return nil }
    guard parts.count == 2 else { return ipv6Text(groups) }
    // An interface name has at most 15 bytes and neither blank nor slash; `%` and brackets would confuse a reader.
    let isZone = parts[1].utf8.allSatisfy { byte in
        (0x21...0x7E).contains(byte) && !"/%[],".utf8.contains(byte)
    }
    guard isZone, (1...15).contains(parts[1].utf8.count) else { return nil }
    return "\(ipv6Text(groups))%\(parts[1])"
}

private func ipv4Bytes(_ text: some StringProtocol) -> [UInt8]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bytes: [UInt8] = []
    for part in parts {
        guard isDecimal(part), part.first != "0" || part.count == 1, let byte = UInt8(part) else { return nil }
        bytes.append(byte)
    }
    return bytes
}

/// The eight groups of an address, `::` filled up and a dotted end converted.
private func ipv6Groups(_ text: String) -> [UInt16]? {
    // The longest spelling has 45 characters; more need not be looked at.
    guard text.utf8.count <= 45 else { return nil }
    let halves = separated(Array(text.utf8), by: "::")
    switch halves.count {
    case 1:
        let groups = groupList(halves[0], mayEndInIPv4: true)
        return groups?.count == 8 ? groups : nil
    case 2:
        guard let head = halves[0].isEmpty ? [] : groupList(halves[0], mayEndInIPv4: false),
            let tail = halves[1].isEmpty ? [] : groupList(halves[1], mayEndInIPv4: true),
            head.count + tail.count <= 7
        else { return nil }
        return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
    default:
        return nil
    }
}

/// The groups of one side of `::`.
private func groupList(_ text: String, mayEndInIPv4: Bool) -> [UInt16]? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    var groups: [UInt16] = []
    for (index, part) in parts.enumerated() {
        if mayEndInIPv4, index == parts.count - 1, part.contains("."), let bytes = ipv4Bytes(part) {
            groups += [UInt16(bytes[0]) << 8 | UInt16(bytes[1]), UInt16(bytes[2]) << 8 | UInt16(bytes[3])]
            continue
        }
        let isHexadecimal = part.allSatisfy { $0.isASCII && $0.isHexDigit }
        guard isHexadecimal, (1...4).contains(part.count), let group = UInt16(part, radix: 16) else { return nil }
        groups.append(group)
    }
    return groups
}

/// Splits at every occurrence of a two-byte separator, from the left.
private func separated(_ bytes: [UInt8], by separator: String) -> [String] {
    let separator = Array(separator.utf8)
    var parts: [[UInt8]] = [[]]
    var index = 0
    while index < bytes.count {
        if bytes[index...].starts(with: separator) {
            parts.append([])
            index += separator.count
        } else {
            parts[parts.count - 1].append(bytes[index])
            index += 1
        }
    }
    return parts.map { String(decoding: $0, as: UTF8.self) }
}

private func ipv6Text(_ groups: [UInt16]) -> String {
    var longest = 0..<0
    var start = 0
    while start < groups.count {
        let end = groups[start...].firstIndex { $0 != 0 } ?? groups.count
        if end - start > max(1, longest.count) { longest = start..<end }
        start = max(end, start + 1)
    }
    let texts = groups.map { String($0, radix: 16) }
    guard !longest.isEmpty else { return texts.joined(separator: ":") }
    return texts[..<longest.lowerBound].joined(separator: ":") + "::"
        + texts[longest.upperBound...].joined(separator: ":")
}
