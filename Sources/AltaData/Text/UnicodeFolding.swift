import Foundation

/// What Hugging Face's `BertNormalizer` and `BertPreTokenizer` do to one Unicode scalar.
///
/// The reference draws its categories from tables of Unicode 8 and its decompositions from tables of Unicode 9, whatever
/// the age of the library; a newer table would give other ids for some hundred rare marks and signs. So a scalar's
/// category counts only if that version of Unicode knew the scalar, and the seven scalars whose category has
/// changed since are listed. Held against the reference for every scalar there is (UnicodeFoldingTests).
struct UnicodeFolding: Sendable {
    /// A scalar after cleaning, decomposing, stripping and lower-casing.
    enum Folded: Sendable {
        /// Ends the word: whitespace.
        case space
        /// A word of its own: a punctuation mark.
        case punctuation(Unicode.Scalar)
        /// Part of a word.
        case letter(Unicode.Scalar)
    }

    /// The newest Unicode version whose categories the reference knows.
    private static let categoryVersion = 8
    /// The newest Unicode version whose decompositions and combining classes the reference knows.
    private static let decompositionVersion = 9
    /// Scalars below this (Latin, Greek, Cyrillic) are looked up; the others are computed each time.
    private static let tableCount = 0x600

    private let table: [[Folded]]
    private let plain: [Bool]

    /// Computes the table of the common scalars.
    init() {
        let scalars = (0..<Self.tableCount).compactMap { Unicode.Scalar(UInt32($0)) }
        table = scalars.map { Self.compute([$0]) }
        plain = scalars.map { scalar in
            Self.decomposition(scalar).allSatisfy { Self.isStripped($0) || Self.combiningClass($0) == 0 }
        }
    }

    /// Appends what becomes of `scalars`, a run without ASCII whitespace in it.
    func fold(_ scalars: String.UnicodeScalarView, into folded: inout [Folded]) {
        var run: [Unicode.Scalar] = []
        for scalar in scalars {
            run.append(scalar)
            // Marks beyond the table may have to be put in canonical order first: the whole run then goes that way.
            guard scalar.value < Self.tableCount, plain[Int(scalar.value)] else {
                return folded += Self.compute(Array(scalars))
            }
        }
        for scalar in run { folded += table[Int(scalar.value)] }
    }

    /// The definition: clean, space out CJK, decompose, order the marks, strip, lower-case, find punctuation.
    private static func compute(_ scalars: [Unicode.Scalar]) -> [Folded] {
        var decomposed: [Unicode.Scalar] = []
        for scalar in scalars where !isRemoved(scalar) {
            if isSpace(scalar) {
                decomposed.append(" ")
            } else if isChinese(scalar) {
                decomposed += [" "] + decomposition(scalar) + [" "]
            } else {
                decomposed += decomposition(scalar)
            }
        }
        order(&decomposed)
        var folded: [Folded] = []
        for scalar in decomposed where !isStripped(scalar) {
            for lower in scalar.properties.lowercaseMapping.unicodeScalars {
                folded.append(
                    lower.properties.isWhitespace
                        ? .space : isPunctuation(lower) ? .punctuation(lower) : .letter(lower))
            }
        }
        return folded
    }

    /// Canonical ordering: the marks of a run of non-starters by class, equal classes as they came.
    private static func order(_ scalars: inout [Unicode.Scalar]) {
        guard scalars.count > 1 else { return }
        for index in 1..<scalars.count {
            let mark = scalars[index]
            let combiningClass = combiningClass(mark)
            guard combiningClass > 0 else { continue }
            var place = index
            while place > 0, self.combiningClass(scalars[place - 1]) > combiningClass {
                scalars[place] = scalars[place - 1]
                place -= 1
            }
            scalars[place] = mark
        }
    }

    private static func isKnown(_ scalar: Unicode.Scalar, in version: Int) -> Bool {
        guard let age = scalar.properties.age else { return false }
        return (age.major, age.minor) <= (version, 0)
    }

    private static func category(_ scalar: Unicode.Scalar) -> Unicode.GeneralCategory {
        switch scalar.value {
        case 0x1734, 0x1171E: return .nonspacingMark
        case 0x1885, 0x1886: return .otherLetter
        case 0xA9BD: return .spacingMark
        case 0x166D, 0x111C9: return .otherPunctuation
        default:
            return isKnown(scalar, in: categoryVersion) ? scalar.properties.generalCategory : .unassigned
        }
    }

    private static func isRemoved(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\t", "\n", "\r": return false
        case "\0", "\u{FFFD}": return true
        default:
            switch category(scalar) {
            case .control, .format, .privateUse, .surrogate: return true
            default: return false
            }
        }
    }

    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }

    /// The reference's blocks; that of 0x2B920 begins 256 too late there, and so here.
    private static func isChinese(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            return true
        default: return false
        }
    }

    private static func isStripped(_ scalar: Unicode.Scalar) -> Bool { category(scalar) == .nonspacingMark }

    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: return true
        default:
            switch category(scalar) {
            case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
                .finalPunctuation, .otherPunctuation:
                return true
            default: return false
            }
        }
    }

    private static func decomposition(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        guard scalar.value >= 0x80, isKnown(scalar, in: decompositionVersion) else { return [scalar] }
        return Array(String(scalar).decomposedStringWithCanonicalMapping.unicodeScalars)
    }

    private static func combiningClass(_ scalar: Unicode.Scalar) -> UInt8 {
        guard scalar.value >= 0x300, isKnown(scalar, in: decompositionVersion) else { return 0 }
        return scalar.properties.canonicalCombiningClass.rawValue
    }
}
