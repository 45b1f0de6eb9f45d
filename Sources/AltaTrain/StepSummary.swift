import AltaComm
import AltaModel
import AltaObjective

/// What a rank tells the others at the end of a step, in one small message.
struct StepSummary {
    /// The first parameter that refused a partial, or `TrainStep.absentSlot`; nil: none did.
    var firstBadSlot: Int?
    /// Floating-point operations of this rank's matrix products.
    var operations = 0
    /// The number of a signal that asks this rank to save and stop; nil: none came.
    var stopSignal: Int32?
    private var image: [Double] = []
    private var text: [Double] = []

    private static let fields = 10

    /// Adds the two losses of a micro-batch's studies.
    mutating func add(_ output: ModelOutput) {
        image += output.imageErrors
        text += output.textErrors
    }

    /// All ranks' summaries, with what each spent its time on by its clock. Collective.
    func total(_ collectives: any Collectives, clock: PhaseClock) throws -> StepTotal {
        let seconds = { (phases: [Phase]) in phases.reduce(0) { $0 + (clock.seconds[$1] ?? 0) } }
        let times = [seconds([.data]), seconds([.forward, .loss, .backward]), clock.secondsWaited]
        let own =
            [Int64(firstBadSlot ?? -1), Int64(operations), Int64(stopSignal ?? 0)]
            + times.map { Int64($0 * StepTotal.unitsPerSecond) } + OrderFreeSum.units(image: image, text: text)
        let counts = Array(repeating: StepSummary.fields, count: collectives.rankCount)
        let all = try collectives.allGather(own, counts: counts)
        let ranks = stride(from: 0, to: all.count, by: StepSummary.fields).map {
            Array(all[$0..<$0 + StepSummary.fields])
        }
        return StepTotal(ranks: ranks)
    }
}

/// What the summaries of all ranks come to; the same on every rank.
struct StepTotal {
    fileprivate static let unitsPerSecond = 1e6
    /// Each rank's numbers: `[R][fields]`.
    fileprivate let ranks: [[Int64]]

    /// The first rank that refused a partial, and the parameter's slot.
    var firstBad: (rank: Int, slot: Int)? {
        ranks.firstIndex { $0[0] >= 0 }.map { ($0, Int(ranks[$0][0])) }
    }

    /// Floating-point operations of the matrix products of all ranks.
    var operations: Int { ranks.reduce(0) { $0 + Int($1[1]) } }

    /// The signal that asks some rank to save and stop; nil: none came to any.
    var stopSignal: Int32? { ranks.lazy.map { Int32(truncatingIfNeeded: $0[2]) }.first { $0 != 0 } }

    /// How the ranks' time spreads.
    var spreads: RankSpreads {
        let spread = { (field: Int) in RankSpread(ranks.map { Double($0[field]) / StepTotal.unitsPerSecond }) }
        return RankSpreads(data: spread(3), compute: spread(4), wait: spread(5))
    }

    /// The losses over the global batch; a sum that is not finite gives a loss that is not.
    func losses(_ contrastive: ContrastiveResult?, counts: LossCounts) -> Losses {
        let sums = (6..<10).map { field in ranks.reduce(0) { $0 &+ $1[field] } }
        var losses = Losses.means(units: sums, counts: counts)
        losses.globalContrastive = contrastive?.globalLoss
        losses.localContrastive = contrastive?.localLoss
        return losses
    }
}
