import AltaCore
import AltaData

/// By which a step can be compared with the same step of another run, whoever computed what of it.
///
/// Both are sums, modulo 2^64, of one hash a study, which knows the study's position in the global batch: so they do not
/// depend on the order in which studies are added, nor on the rank that prepared them.
public struct StepHashes: Sendable, Equatable {
    /// Of the studies, in the order of the global batch.
    public private(set) var studies: UInt64 = 0
    /// Of the studies as they were prepared: what was read and drawn for each, but for pixel rows between every fourth one
    /// (`PreparedStudy.hash`). What is drawn once for all studies of a step, the masks of shared absent views, is not in it.
    public private(set) var draws: UInt64 = 0

    /// Of no study.
    public init() {}

    /// Of studies at these positions of the global batch.
    init(_ prepared: [PreparedStudy], at positions: [Int]) {
        precondition(prepared.count == positions.count, "\(prepared.count) studies, \(positions.count) positions")
        for (study, position) in zip(prepared, positions) {
            studies &+= study.index.hash(at: position)
            draws &+= study.hash(at: position)
        }
    }

    /// What `studies` is where each study of a plan was prepared once.
    static func studies(of plan: StepPlan) -> UInt64 {
        plan.studies.enumerated().reduce(0) { $0 &+ $1.element.hash(at: $1.offset) }
    }

    /// Both as numbers below 2^32, whose sums over ranks do not overflow.
    var halves: [Int64] {
        [studies, draws].flatMap { [Int64($0 & 0xFFFF_FFFF), Int64($0 >> 32)] }
    }

    /// From sums of `halves` over ranks.
    init(halves: some Collection<Int64>) {
        let sums = halves.map { UInt64(bitPattern: $0) }
        studies = sums[0] &+ sums[1] << 32
        draws = sums[2] &+ sums[3] << 32
    }
}
