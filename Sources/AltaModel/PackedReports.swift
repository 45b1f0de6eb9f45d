import AltaCore
import AltaData

/// Reports as one packed sequence of tokens.
struct PackedReports {
    /// The tokens of all sequences.
    let ids: [Int32]
    /// One sequence a half of a report; a study's are neighbours.
    let sequences: Segments
    /// The rows of each study.
    let studies: Segments
    /// Which halves of its report each study has here, in order.
    let halves: [ReportHalf]

    /// These halves of the studies' reports.
    static func make(_ studies: [PreparedStudy], halves: [ReportHalf]) -> PackedReports {
        make(
            studies.flatMap { study in halves.map { $0 == .intact ? study.report.ids : study.report.maskedIDs } },
            halves: halves)
    }

    /// Sequences of tokens, `halves.count` neighbours for each study.
    static func make(_ sequences: [[Int32]], halves: [ReportHalf]) -> PackedReports {
        let segments = Segments(lengths: sequences.map(\.count))
        return PackedReports(
            ids: Array(sequences.joined()), sequences: segments, studies: segments.grouped(by: halves.count),
            halves: halves)
    }

    /// The rows of a half of study `study`'s report; traps for a half that is not here.
    func rows(_ half: ReportHalf, of study: Int) -> Range<Int> {
        guard let place = halves.firstIndex(of: half) else { preconditionFailure("no \(half) reports here") }
        return sequences[study * halves.count + place]
    }

    /// The rows of a half of every study's report.
    func rows(_ half: ReportHalf) -> [Range<Int>] { (0..<studies.count).map { rows(half, of: $0) } }
}
