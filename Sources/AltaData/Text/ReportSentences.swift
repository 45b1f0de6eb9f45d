/// A report's sentences, split as the published data set splits them.
public enum ReportSentences {
    /// The pieces between the whitespace that ends a sentence, as Python's
    /// `re.split(r"(?<!\w\.\w.)(?<![A-Z][a-z]\.)(?<=\.|\?)\s", report)` (published ALTA, `_shuffle_sentences`).
    ///
    /// A whitespace scalar after `.` or `?` is a boundary, unless what stands before it looks like an abbreviation:
    /// `e.g.` or `Dr.`. Each boundary takes one scalar; pieces may be empty (a boundary at the end), and there is at least
    /// one.
    public static func split(_ report: String) -> [String] {
        let scalars = Array(report.unicodeScalars)
        var sentences: [String] = []
        var start = 0
        for index in scalars.indices where isBoundary(scalars, index) {
            sentences.append(string(scalars[start..<index]))
            start = index + 1
        }
        sentences.append(string(scalars[start...]))
        return sentences
    }

    private static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    private static func isBoundary(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
        guard index > 0, scalars[index - 1] == "." || scalars[index - 1] == "?", isSpace(scalars[index]) else {
            return false
        }
        if index >= 4, isWordScalar(scalars[index - 4]), scalars[index - 3] == ".", isWordScalar(scalars[index - 2]) {
            return false
        }
        let isTitle =
            index >= 3 && ("A"..."Z").contains(scalars[index - 3]) && ("a"..."z").contains(scalars[index - 2])
            && scalars[index - 1] == "."
        return !isTitle
    }

    /// Python's `\s`: Unicode whitespace and the four ASCII separators.
    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        (0x1C...0x1F).contains(scalar.value) || scalar.properties.isWhitespace
    }

    /// Python's `\w`: letters, everything numeric, and the underscore; no marks.
    private static func isWordScalar(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == "_" || scalar.properties.numericType != nil { return true }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
        default: return false
        }
    }
}
