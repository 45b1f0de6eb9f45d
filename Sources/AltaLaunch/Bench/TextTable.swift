import AltaCore
import Foundation

/// Tables of text, columns as wide as they need.
enum TextTable {
    /// - Parameter leftColumns: columns of words; numbers stand to the right.
    static func lines(header: [String], rows: [[String]], leftColumns: Set<Int> = [0]) -> [String] {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            let cells = row.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return leftColumns.contains(column) ? row[column] + space : space + row[column]
            }
            return "  " + cells.joined(separator: "  ").trimmingTrailingBlanks
        }
    }

    /// Three digits.
    static func number(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return "0" }
        let decimals = max(0, 2 - Int(log10(abs(value)).rounded(.down)))
        return String(format: "%.\(min(decimals, 6))f", value)
    }

    /// Of 1, in percent.
    static func percent(_ share: Double) -> String { String(format: "%.0f %%", share * 100) }

    /// A deviation in percent, with its sign.
    static func deviation(_ share: Double) -> String { String(format: "%+.1f %%", share * 100) }
}

extension String {
    fileprivate var trimmingTrailingBlanks: String {
        String(reversed().drop { $0 == " " }.reversed())
    }
}
