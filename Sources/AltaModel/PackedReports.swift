import AltaCore
import AltaData

/// Reports as one packed sequence of tokens.
struct PackedReports {
    /// The tokens of all sequences.
    let ids: [Int32]
    /// One sequence a report, or two where each study's masked report follows its intact one.
    let sequences: Segments
    /// The rows of each study.
    let studies: Segments
    /// How many sequences each study has: 1 or 2.
    let sequencesPerStudy: Int

    /// The intact reports, and behind each its masked twin where `masked` says so.
    static func make(_ studies: [PreparedStudy], masked: Bool) -> PackedReports {
        make(
            studies.flatMap { masked ? [$0.report.ids, $0.report.maskedIDs] : [$0.report.ids] },
            perStudy: masked ? 2 : 1)
    }

    /// Sequences of tokens, `perStudy` neighbours for each study.
    static func make(_ sequences: [[Int32]], perStudy: Int) -> PackedReports {
        let segments = Segments(lengths: sequences.map(\.count))
        return PackedReports(
            ids: Array(sequences.joined()), sequences: segments, studies: segments.grouped(by: perStudy),
            sequencesPerStudy: perStudy)
    }

    /// The rows of study `study`'s intact report.
    func intactRows(_ study: Int) -> Range<Int> { sequences[study * sequencesPerStudy] }

    /// The rows of study `study`'s masked report.
    func maskedRows(_ study: Int) -> Range<Int> { sequences[study * sequencesPerStudy + 1] }
}
