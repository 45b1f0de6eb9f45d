import AltaData
import AltaFormats
import AltaTestSupport
import Testing

/// Against Python's `re.split` with the published pattern.
@Suite struct ReportSentencesTests {
    static let cases: [(String, [String])] = [
        ("Heart normal. Lungs clear. No effusion.", ["Heart normal.", "Lungs clear.", "No effusion."]),
        ("Seen by Dr. Smith. e.g. a tube. Is it? Yes.", ["Seen by Dr. Smith.", "e.g. a tube.", "Is it?", "Yes."]),
        ("No split.here", ["No split.here"]),
        ("a.b. c", ["a.b. c"]),
        ("a.b? c", ["a.b? c"]),
        ("Ab? c", ["Ab?", "c"]),
        ("1. Normal. 2. Clear. ", ["1.", "Normal.", "2.", "Clear.", ""]),
        ("\u{E9}.\u{E9}. x", ["\u{E9}.\u{E9}. x"]),
        ("\u{BD}.\u{BD}. z", ["\u{BD}.\u{BD}. z"]),
        ("x.y\u{301}. z", ["x.y\u{301}.", "z"]),
        ("A.\nB.\n\nC", ["A.", "B.", "\nC"]),
        ("A.\r\nB", ["A.", "\nB"]),
        ("", [""]),
        ("... x", ["...", "x"]),
        ("3.2 cm. x", ["3.2 cm.", "x"]),
        ("4.5. x", ["4.5. x"]),
        ("Mr. X. Y", ["Mr. X.", "Y"]),
        ("a.\u{1C}b", ["a.", "b"]),
        ("?\u{A0}a", ["?", "a"]),
        ("a!\u{20}b; c: d", ["a! b; c: d"]),
    ]

    @Test(arguments: cases) func splitsAsPublished(report: String, sentences: [String]) {
        let found = ReportSentences.split(report)
        // Scalars, since strings compare equal where only their composition differs.
        #expect(found.map { Array($0.unicodeScalars) } == sentences.map { Array($0.unicodeScalars) })
    }

    /// The number of scalars of each sentence of 3,851 real reports, by a digest of Python's.
    @Test(.enabled(if: SharedMaterial.shared("reports/indiana_reports.csv") != nil)) func realReports() throws {
        let table = try CSVTable(path: #require(SharedMaterial.shared("reports/indiana_reports.csv")))
        let (findings, impression) = try (table.column(named: "findings"), table.column(named: "impression"))
        var digest = TokenDigest()
        var sentenceCount = 0
        for row in 0..<table.rowCount {
            let report = "\(table.field(row, findings)) \(table.field(row, impression))"
            let sentences = ReportSentences.split(report)
            sentenceCount += sentences.count
            digest.add(sentences.map { Int32($0.unicodeScalars.count) })
        }
        #expect(sentenceCount == 23_620)
        #expect(digest.value == 0x022F_CE1A_EC72_1EBB)
    }
}
