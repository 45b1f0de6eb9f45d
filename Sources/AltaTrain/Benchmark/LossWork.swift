import AltaComm
import AltaCore
import AltaObjective
import AltaTensor

/// What both losses of a batch cost at least, whoever computes them.
struct LossWork {
    /// `[B]`: the words of each report.
    let wordCounts: [Int]
    /// Words of all reports.
    let words: Int
    /// Operations of one evaluation, 10^9.
    let gflop: Double
    private let precision: Precision

    /// Products of the local loss: affinities and contexts, both again for the gradient, and two gradients of each. In
    /// bf16 the first two and the affinities again are fp32 all the same (Docs/design.md).
    private static let (products, fullProducts) = (8.0, 3.0)

    /// The cost of the batch of these options.
    init(_ options: LossBenchmark.Options) {
        wordCounts = SyntheticEmbeddings.wordCounts(options.studies, mean: options.meanWords, seed: options.seed)
        words = wordCounts.reduce(0, +)
        precision = options.precision
        let (b, d) = (Double(options.studies), Double(LossBenchmark.width))
        let local = LossWork.products * b * Double(words) * Double(options.patches)
        let global = 3 * b * b
        gflop = 2 * d * (local + global) * 1e-9
    }

    /// Collective. How fast all ranks together would be were there nothing but these products, each at its format's best,
    /// 10^9 operations a second; measured on all ranks at the same time.
    func peak(_ context: RankContext) throws -> Double {
        let threads = context.engine.threads
        let full = try LossWork.peak(NumberFormat.full, threads, context)
        guard precision == .bf16 else { return full }
        let half = try LossWork.peak(NumberFormat.half, threads, context)
        let share = LossWork.fullProducts / LossWork.products
        return 1 / (share / full + (1 - share) / half)
    }

    private static func peak(_ format: NumberFormat, _ threads: Int, _ context: RankContext) throws -> Double {
        let engine = try context.agree { try context.engine.other(threads: threads, format: format) }
        try context.collectives.barrier()
        // A shape at which products are as fast as at any other: the figure is the machine's, not the batch's.
        let own = ProductPeak(shapes: [(outputs: 768, inputs: 768)], rows: 200).measure(engine)
        return try context.collectives.allReduce(own, .sum)
    }
}
