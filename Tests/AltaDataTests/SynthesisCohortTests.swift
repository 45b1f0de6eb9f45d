import AltaData
import Testing

/// Facts of synthetic cohorts: who, what, when.
struct SynthesisCohortTests {
    private let cohort = SyntheticCohort(seed: 11, studyCount: 3000)

    @Test func theSameSeedGivesTheSameStudiesAndAnotherSeedOthers() {
        let codes = { (seed: UInt64) in
            SyntheticCohort(seed: seed, studyCount: 200).studies.map { $0.states.map(\.code) }
        }
        #expect(codes(4) == codes(4))
        #expect(codes(4) != codes(5))
    }

    @Test func aLargerCohortBeginsWithTheSmallerOne() {
        let small = SyntheticCohort(seed: 11, studyCount: 500).studies
        for (a, b) in zip(small, cohort.studies) {
            #expect(a.patient == b.patient && a.visit == b.visit && a.hasLateral == b.hasLateral)
            #expect(a.states == b.states)
        }
    }

    @Test func sharesAreAsDocumented() {
        let count = Double(cohort.studies.count)
        func share(_ holds: (SyntheticStudy) -> Bool) -> Double { Double(cohort.studies.count(where: holds)) / count }
        // Three standard deviations of a share of 3000 studies are below 0.03; patients' studies are not independent.
        #expect((0.35...0.45).contains(share(\.hasPrior)))
        #expect((0.56...0.64).contains(share(\.hasLateral)))
        #expect((0.11...0.19).contains(share { $0.present.isEmpty }))
        let diseases = { (study: SyntheticStudy) in study.present.count { !$0.finding.kind.isDevice } }
        #expect(share { diseases($0) > 3 } < 0.03)
        for kind in FindingKind.allCases {
            #expect(share { $0.present.contains { $0.finding.kind == kind } } > 0.02, "\(kind) is too rare")
        }
        for change in FindingChange.allCases {
            #expect(share { $0.states.contains { $0.change == change } } > 0.05, "\(change) is too rare")
        }
    }

    @Test func aPriorExtentIsWhatTheEarlierStudyShows() {
        for (earlier, study) in zip(cohort.studies, cohort.studies.dropFirst()) where study.hasPrior {
            #expect(earlier.patient == study.patient && earlier.visit + 1 == study.visit)
            for state in study.states {
                let before = earlier.states.first { $0.finding == state.finding }
                #expect(state.priorExtent == before?.extent ?? .absent)
            }
            for state in earlier.present { #expect(study.states.contains { $0.finding == state.finding }) }
        }
    }

    @Test func noPatientIsInTwoSplitsAndNoStudyIsLost() {
        for count in [20, 21, 137, 3000] {
            let cohort = SyntheticCohort(seed: 8, studyCount: count)
            let split = cohort.split(testShare: 0.15, validationShare: 0.05)
            #expect((split.train + split.valid + split.test).sorted() == Array(0..<count))
            let patients = [split.train, split.valid, split.test].map { Set($0.map { cohort.studies[$0].patient }) }
            #expect(patients.allSatisfy { !$0.isEmpty })
            #expect(patients[0].isDisjoint(with: patients[1]) && patients[0].isDisjoint(with: patients[2]))
            #expect(patients[1].isDisjoint(with: patients[2]))
            // A patient has at most three studies, of which two may be too many.
            #expect((0...2).contains(split.test.count - max(1, Int((0.15 * Double(count)).rounded()))))
        }
    }
}
