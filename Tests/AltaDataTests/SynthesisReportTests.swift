import AltaCore
import AltaData
import Testing

/// What reports say, held against what studies show.
struct SynthesisReportTests {
    private static let seed: UInt64 = 21
    private let studies = SyntheticCohort(seed: SynthesisReportTests.seed, studyCount: 2000).studies
    private var reports: [String] { studies.map { ReportWriter.report($0, seed: Self.seed) } }

    @Test func everyReportAgreesWithItsStudy() {
        for (study, report) in zip(studies, reports) {
            let contradictions = SynthesisReportClaims(report).contradictions(study)
            #expect(contradictions.isEmpty, "\(contradictions) in: \(report)")
        }
    }

    @Test func theCheckerFindsAReportOfAnotherStudy() {
        let reports = self.reports
        let strangers = zip(studies, reports.dropFirst(7)).filter { study, report in
            SynthesisReportClaims(report).contradictions(study).isEmpty
        }
        // Only equal studies (about one in forty pairs, the normal ones) may pass.
        #expect(strangers.count < studies.count / 20)
    }

    @Test func theCheckerFindsSwappedSidesSizesAndChanges() {
        let key = RandomKey(seed: 1, purpose: .test)
        let finding = Finding(kind: .effusion, side: .left, zone: .lower, key: key)
        let state = FindingState(finding: finding, extent: .large, priorExtent: .small)
        let study = SyntheticStudy(patient: 0, visit: 1, states: [state], hasLateral: false)
        let good = "The left pleural effusion, now large, is larger than before."
        #expect(SynthesisReportClaims(good).contradictions(study).isEmpty)
        for (word, wrong) in [
            ("left", "right"), ("now large", "now small"), ("larger", "smaller"), ("effusion", "edema"),
        ] {
            #expect(!SynthesisReportClaims(good.replacing(word, with: wrong)).contradictions(study).isEmpty)
        }
    }

    @Test func reportsAreDistinctAndOfAReportsLength() {
        let reports = self.reports
        #expect(Double(Set(reports).count) > 0.98 * Double(reports.count))
        let lengths = reports.map { $0.split(whereSeparator: \.isWhitespace).count }
        #expect(lengths.allSatisfy { (ReportWriter.leastWords...110).contains($0) })
        #expect(reports.contains { $0.contains("\"") } && reports.contains { $0.contains("\n") })
        #expect(reports.contains { !$0.contains("\n") && $0.contains(",") })
        #expect(reports.allSatisfy { !$0.contains("{") && !$0.contains("}") && !$0.contains("  ") })
    }
}
