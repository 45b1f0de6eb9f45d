import AltaCore

/// One quantity held against its expected value.
public struct VerificationRow: Sendable {
    /// The fixture's name for it.
    public let name: String
    /// How far it is off.
    public let error: Double
    /// The largest error that passes; infinite where the error is only told.
    public let tolerance: Double
    /// What `error` is.
    public var measure = Measure.relative

    /// Ways to hold two quantities against each other.
    public enum Measure: Sendable {
        /// The norm of the difference over the norm of what is expected.
        case relative
        /// 1 minus the cosine of the two.
        case cosineLack
    }

    /// Whether it passes; an error that is not finite, as of what was not computed, does not.
    public var passes: Bool { error.isFinite && error <= tolerance }
}

/// All quantities of a verification.
public struct VerificationReport: Sendable {
    /// The rows, in the order of comparison.
    public let rows: [VerificationRow]

    /// Whether every row passes.
    public var passes: Bool { !rows.isEmpty && rows.allSatisfy(\.passes) }

    /// A table with every row that fails, the worst of each group, all losses and cosines, and a closing line.
    public func table() -> String {
        var lines = ["quantity".padded(to: 52) + "error".padded(to: 12) + "tolerance".padded(to: 12) + "result"]
        for group in groups {
            let members = rows.filter { VerificationReport.group($0.name) == group }
            let failing = members.filter { !$0.passes }
            let worst = members.max { $0.error < $1.error }
            let shown = failing.isEmpty ? [worst].compactMap { $0 } : failing
            let lists = group == "losses" || members.contains { $0.measure == .cosineLack } ? members : shown
            lines += lists.map(line)
            lines.append("\(group): \(members.count) compared, \(failing.count) past tolerance")
        }
        lines.append(passes ? "verified: everything within tolerance" : "FAILED: see the rows above")
        return lines.joined(separator: "\n")
    }

    private var groups: [String] {
        rows.map { VerificationReport.group($0.name) }.reduce(into: []) { groups, name in
            if !groups.contains(name) { groups.append(name) }
        }
    }

    private static func group(_ name: String) -> String { String(name.prefix { $0 != "/" }) }

    /// Five digits after the point.
    private static func digits(_ value: Double) -> Double { (value * 1e5).rounded() / 1e5 }

    private func line(_ row: VerificationRow) -> String {
        let name = row.name.count > 50 ? "..." + row.name.suffix(47) : row.name
        let isCosine = row.measure == .cosineLack
        let error = isCosine ? "cos \(Self.digits(1 - row.error))" : row.error.scientific
        let tolerance = isCosine ? "\(Self.digits(1 - row.tolerance))" : row.tolerance.scientific
        let result = row.tolerance == .infinity ? "told" : "ok"
        return name.padded(to: 52) + error.padded(to: 12) + tolerance.padded(to: 12)
            + (row.passes ? result : "FAILED")
    }
}

extension Double {
    /// Two significant digits with an exponent, as 3.1e-06.
    fileprivate var scientific: String {
        guard isFinite else { return "\(self)" }
        guard self != 0 else { return "0" }
        var exponent = 0
        var mantissa = abs(self)
        while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
        while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
        let digits = (mantissa * 10).rounded() / 10
        return "\(digits)e\(exponent)"
    }
}
