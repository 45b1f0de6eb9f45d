import AltaCore

/// One study of a synthetic cohort: what it shows and which views it has.
public struct SyntheticStudy: Sendable {
    /// The patient, from 0.
    public let patient: Int
    /// The patient's study, from 0; those before it are earlier.
    public let visit: Int
    /// What it shows, and what the prior study showed that is gone.
    public let states: [FindingState]
    /// Whether a lateral radiograph exists.
    public let hasLateral: Bool

    /// Stores the facts.
    public init(patient: Int, visit: Int, states: [FindingState], hasLateral: Bool) {
        self.patient = patient
        self.visit = visit
        self.states = states
        self.hasLateral = hasLateral
    }

    /// Whether an earlier study of the patient exists.
    public var hasPrior: Bool { visit > 0 }

    /// Findings present now.
    public var present: [FindingState] { states.filter(\.isPresent) }
}

/// A synthetic cohort as facts: patients, their studies and what these show. No pixels, no words.
///
/// Everything is a function of the seed and the number of studies; patients do not depend on how many there are.
public struct SyntheticCohort: Sendable {
    /// The fewest studies that fill three splits.
    public static let fewestStudies = 20
    /// The most that file names have room for.
    public static let mostStudies = 1_000_000

    /// The seed.
    public let seed: UInt64
    /// All studies, by patient and time.
    public let studies: [SyntheticStudy]

    /// Draws patients until there are `studyCount` studies (of the last patient only as many as fit).
    ///
    /// Half the patients have one study, 35 % two, 15 % three, so that about 40 % of studies have a prior one.
    public init(seed: UInt64, studyCount: Int) {
        self.seed = seed
        var studies: [SyntheticStudy] = []
        var patient = 0
        while studies.count < studyCount {
            let key = SyntheticCohort.key(seed: seed, patient: patient)
            var draws = RandomDraws(key.child(0))
            let visits = min(studyCount - studies.count, 1 + draws.weighted([0.5, 0.35, 0.15]))
            for (visit, states) in FindingEvolution.course(key: key.child(1), count: visits).enumerated() {
                let hasLateral = draws.chance(0.6)
                studies.append(
                    SyntheticStudy(patient: patient, visit: visit, states: states, hasLateral: hasLateral))
            }
            patient += 1
        }
        self.studies = studies
    }

    /// The stream of a patient.
    static func key(seed: UInt64, patient: Int) -> RandomKey {
        RandomKey(seed: seed, purpose: .synthesis).child(UInt64(patient) + 16)
    }

    /// The studies (places in `studies`) of the training, validation and test split, in order.
    ///
    /// Whole patients are dealt, in a random order, first to the test split until it has its share, then to validation,
    /// the rest to training; so no patient is in two splits, and a share may be exceeded by one patient's studies.
    public func split(testShare: Double, validationShare: Double) -> (train: [Int], valid: [Int], test: [Int]) {
        let patients = 1 + (studies.last?.patient ?? -1)
        var places = [[Int]](repeating: [], count: patients)
        for (place, study) in studies.enumerated() { places[study.patient].append(place) }
        let order = RandomKey(seed: seed, purpose: .synthesis).child(1).permutation(patients)
        let testCount = max(1, Int((testShare * Double(studies.count)).rounded()))
        let validCount = max(1, Int((validationShare * Double(studies.count)).rounded()))
        var train: [Int] = []
        var valid: [Int] = []
        var test: [Int] = []
        for patient in order {
            if test.count < testCount {
                test += places[patient]
            } else if valid.count < validCount {
                valid += places[patient]
            } else {
                train += places[patient]
            }
        }
        return (train.sorted(), valid.sorted(), test.sorted())
    }
}
