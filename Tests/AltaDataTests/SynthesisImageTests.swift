import AltaCore
import AltaData
import Testing

/// What radiographs show, held against the findings they were made from: the same patient, visit and exposure rendered
/// with and without a finding differ where the report will say.
struct SynthesisImageTests {
    private static let size = 192
    private let renderer = StudyRenderer(seed: 31, size: SynthesisImageTests.size)

    private func finding(_ kind: FindingKind, _ side: BodySide, _ zone: LungZone? = nil, look: UInt64 = 0) -> Finding {
        Finding(kind: kind, side: side, zone: zone, key: RandomKey(seed: 9, purpose: .test).child(look))
    }

    private func study(_ findings: [(Finding, FindingExtent)], patient: Int = 3) -> SyntheticStudy {
        let states = findings.map { FindingState(finding: $0.0, extent: $0.1, priorExtent: nil) }
        return SyntheticStudy(patient: patient, visit: 0, states: states, hasLateral: true)
    }

    /// Where and how much an image changes: grey levels summed over the image's left and right half, and the mean row as
    /// a fraction of the height, and the mean change of the hundred most changed pixels.
    private struct Difference {
        var left = 0.0
        var right = 0.0
        var row = 0.0
        var strongest = 0.0
        var total: Double { left + right }
    }

    private func difference(
        _ finding: Finding, _ extent: FindingExtent, isFrontal: Bool = true, patient: Int = 3
    ) -> Difference {
        let with = renderer.image(study([(finding, extent)], patient: patient), isFrontal: isFrontal)
        let without = renderer.image(study([], patient: patient), isFrontal: isFrontal)
        precondition(with.width == without.width && with.height == without.height)
        var result = Difference()
        var changes: [Double] = []
        for row in 0..<with.height {
            for column in 0..<with.width {
                let place = row * with.width + column
                let change = Double(abs(Int(with.pixels[place]) - Int(without.pixels[place])))
                if column < with.width / 2 { result.left += change } else { result.right += change }
                changes.append(change)
                result.row += change * Double(row) / Double(with.height)
            }
        }
        result.row /= max(1, result.total)
        result.strongest = changes.sorted(by: >).prefix(100).reduce(0, +) / 100
        return result
    }

    @Test(arguments: [FindingKind.effusion, .pneumothorax, .consolidation, .atelectasis, .nodule, .chestTube])
    func theSideIsWhereTheReportSays(_ kind: FindingKind) {
        for patient in 0..<4 {
            let left = difference(finding(kind, .left, .lower), .moderate, patient: patient)
            let right = difference(finding(kind, .right, .lower), .moderate, patient: patient)
            // The patient's left is on the image's right. A raised or pushed organ may change a little elsewhere.
            #expect(left.right > 4 * left.left, "left \(kind) of patient \(patient)")
            #expect(right.left > 4 * right.right, "right \(kind) of patient \(patient)")
        }
    }

    @Test(arguments: [FindingKind.consolidation, .nodule])
    func theZoneIsWhereTheReportSays(_ kind: FindingKind) {
        for side in [BodySide.left, .right] {
            for patient in 0..<3 {
                let rows = LungZone.allCases.map { zone in
                    difference(finding(kind, side, zone), .moderate, patient: patient).row
                }
                #expect(rows[0] < 0.42 && rows[0] + 0.08 < rows[1] && rows[1] + 0.04 < rows[2] && rows[2] < 0.8)
            }
        }
    }

    @Test(arguments: FindingKind.allCases)
    func everyFindingShowsInBothProjections(_ kind: FindingKind) {
        let side: BodySide =
            switch kind {
            case .cardiomegaly, .endotrachealTube, .sternotomyWires: .midline
            case .edema: .bilateral
            default: .left
            }
        // The hundred most changed pixels of 37,000 are a patch a model of 16-pixel patches sees at 224 pixels; noise
        // is the same in both images. Mediastinum is bright already, so hardware over it adds fewer grey levels.
        let (frontalLevels, lateralLevels) = (20.0, 12.0)
        for look in UInt64(0)..<2 {
            let found = finding(kind, side, .lower, look: look)
            #expect(difference(found, .moderate).strongest > frontalLevels)
            if kind != .pneumothorax {
                #expect(difference(found, .moderate, isFrontal: false).strongest > lateralLevels)
            }
        }
    }

    @Test(arguments: FindingKind.allCases.filter { !$0.isDevice })
    func moreOfAFindingChangesMore(_ kind: FindingKind) {
        let side: BodySide = kind == .cardiomegaly ? .midline : kind == .edema ? .bilateral : .right
        let totals = [FindingExtent.small, .moderate, .large].map { difference(finding(kind, side, .upper), $0).total }
        #expect(totals[0] * 1.2 < totals[1] && totals[1] * 1.2 < totals[2], "\(totals)")
    }

    @Test func patientsDifferAndVisitsOfOnePatientResembleEachOther() {
        func coarse(_ patient: Int, _ visit: Int) -> [Double] {
            let image = renderer.image(
                SyntheticStudy(patient: patient, visit: visit, states: [], hasLateral: false), isFrontal: true)
            let (rows, columns) = (24, 24)
            return (0..<rows * columns).map { cell in
                let row = (cell / columns) * image.height / rows
                let column = (cell % columns) * image.width / columns
                return Double(image.pixels[row * image.width + column])
            }
        }
        func distance(_ a: [Double], _ b: [Double]) -> Double {
            zip(a, b).reduce(0) { $0 + abs($1.0 - $1.1) } / Double(a.count)
        }
        let first = (0..<12).map { coarse($0, 0) }
        let again = (0..<12).map { coarse($0, 1) }
        let same = (0..<12).map { distance(first[$0], again[$0]) }.reduce(0, +) / 12
        let other = (0..<12).map { distance(first[$0], again[($0 + 1) % 12]) }.reduce(0, +) / 12
        #expect(same > 1 && same < other)
    }
}
