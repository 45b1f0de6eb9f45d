import Foundation

/// What every rank prints, on the user's screen, line by line with the rank in front: `[2] step 1 ...`.
package struct TaggedScreen {
    private struct Stream: Hashable {
        let source: OutputSource
        let isError: Bool
    }

    private var begun: [Stream: [UInt8]] = [:]
    private static let longestLine = 1 << 14

    /// A screen that has shown nothing.
    package init() {}

    /// The whole lines that a piece ends, tagged. A carriage return ends a line too.
    package mutating func lines(_ bytes: ArraySlice<UInt8>, of source: OutputSource, isError: Bool) -> [String] {
        guard case .rank = source else { return [] }
        let stream = Stream(source: source, isError: isError)
        var line = begun[stream] ?? []
        var ended: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                if !line.isEmpty { ended.append(Self.tagged(line, source)) }
                line.removeAll(keepingCapacity: true)
            } else if line.count < Self.longestLine {
                line.append(byte)
            }
        }
        begun[stream] = line
        return ended
    }

    /// What was begun and not ended, tagged.
    package mutating func rest() -> [String] {
        defer { begun = [:] }
        return begun.filter { !$0.value.isEmpty }.map { Self.tagged($0.value, $0.key.source) }.sorted()
    }

    private static func tagged(_ line: [UInt8], _ source: OutputSource) -> String {
        guard case .rank(let rank) = source else { return "" }
        return "[\(rank)] " + String(decoding: line, as: UTF8.self)
    }
}
