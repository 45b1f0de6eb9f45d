import AltaCore

/// What cohort to synthesize, and where.
public struct CohortOptions: Sendable {
    /// The folder to fill.
    public var output: String
    /// How many studies, over all splits.
    public var studyCount: Int
    /// Decides everything that is random.
    public var seed: UInt64
    /// Pixels on the shorter side of an image.
    public var size: Int
    /// How many threads render; the result does not depend on it.
    public var threads: Int
    /// The share of studies in `test.csv`.
    public var testShare: Double
    /// The share of studies in `valid.csv`; the rest is `train.csv`.
    public var validationShare: Double
    /// Whether a folder that holds something may be written into.
    public var overwrites: Bool

    /// The sizes that images may have: smaller ones show nothing, larger ones outgrow the noise and the memory.
    public static let sizes = 64...4096

    /// Stores the options; the defaults are those of `alta-data synthesize`.
    public init(
        output: String, studyCount: Int, seed: UInt64 = 1, size: Int = 512, threads: Int = 1, testShare: Double = 0.15,
        validationShare: Double = 0.05, overwrites: Bool = false
    ) {
        self.output = output
        self.studyCount = studyCount
        self.seed = seed
        self.size = size
        self.threads = threads
        self.testShare = testShare
        self.validationShare = validationShare
        self.overwrites = overwrites
    }

    /// Throws an error (exit code `.usage`) for numbers that make no cohort.
    public func check() throws {
        let counts = SyntheticCohort.fewestStudies...SyntheticCohort.mostStudies
        guard counts.contains(studyCount) else {
            throw CohortOptions.fault(
                "\(studyCount) studies", "give \(counts.lowerBound) to \(counts.upperBound), enough for three splits")
        }
        guard CohortOptions.sizes.contains(size) else {
            let range = CohortOptions.sizes
            throw CohortOptions.fault("images of \(size) pixels", "give \(range.lowerBound) to \(range.upperBound)")
        }
        guard (1...1024).contains(threads) else {
            throw CohortOptions.fault("\(threads) threads", "give 1 to 1024")
        }
        guard testShare > 0, validationShare > 0, testShare + validationShare <= 0.9 else {
            throw CohortOptions.fault(
                "shares of \(testShare) for testing and \(validationShare) for validation",
                "give shares above 0 that leave at least 0.1 for training")
        }
    }

    private static func fault(_ what: String, _ remedy: String) -> AltaError {
        AltaError("cannot synthesize \(what)", remedy: remedy, exitCode: .usage)
    }
}

/// What a finished cohort holds.
public struct CohortSummary: Sendable {
    /// Studies in `train.csv`.
    public let trainCount: Int
    /// Studies in `valid.csv`.
    public let validationCount: Int
    /// Studies in `test.csv`.
    public let testCount: Int
    /// Radiographs, each in one file.
    public let imageCount: Int
    /// Their bytes.
    public let imageByteCount: Int
}
