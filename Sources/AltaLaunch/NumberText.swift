import Foundation

// How numbers stand in what a person reads, whatever the language of the user.

extension Double {
    /// As few digits as it takes, whatever the language of the user: `5` or `2.5`.
    var plainText: String { Int(exactly: self).map(String.init) ?? String(self) }

    /// With so many decimals.
    package func fixed(_ decimals: Int) -> String {
        var factor = 1.0
        for _ in 0..<decimals { factor *= 10 }
        let rounded = (abs(self) * factor).rounded()
        guard rounded < 1e15 else { return "\(self)" }
        let digits = String(Int(rounded))
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        let whole = (self < 0 && rounded > 0 ? "-" : "") + padded.dropLast(decimals)
        return decimals == 0 ? whole : "\(whole).\(padded.suffix(decimals))"
    }
}

extension TextTable {
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
