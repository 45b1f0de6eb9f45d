import AltaCore

extension StudyTable {
    /// An estimate of each study's cost in token units, by row, for dealing studies to ranks: `[N]`.
    ///
    /// A study with a long report costs up to twice one with a short report. Reports are cut at `maxTokens`.
    public func costs(maxTokens: Int = 128) -> [Int] {
        (0..<count).map { row in
            let report = study(StudyIndex(row)).report
            return recipe.radiographCost + min(ReportCost.estimatedTokenCount(report.utf8), maxTokens)
        }
    }
}

/// A report's token count without tokenising it.
public enum ReportCost {
    /// On 3,851 real reports and BERT's own vocabulary a word of n letters has n / 5 tokens, rounded up: 1 % too many on
    /// average, a correlation of 0.986 with the true counts (4: 0.978, 6: 0.984).
    private static let lettersPerToken = 5

    /// An estimate from the lengths of words and the number of punctuation marks, [CLS] and [SEP] included.
    public static func estimatedTokenCount(_ report: some Sequence<UInt8>) -> Int {
        var tokens = 2
        var letters = 0
        for byte in report {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x80...0xFF:
                if letters % lettersPerToken == 0 { tokens += 1 }
                letters += 1
            case 0x00...0x20, 0x7F: letters = 0
            default:
                letters = 0
                tokens += 1
            }
        }
        return tokens
    }
}
