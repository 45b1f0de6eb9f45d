import AltaComm
import AltaCore
import AltaData
import AltaTestSupport
import AltaTrain

extension AlignJob {
    /// A run whose ranks are threads of this process: it takes no start of a job, and studies may be dealt in any way.
    ///
    /// - Parameter deal: who computes what; nil: by cost, as every run of `alta-worker` does.
    func runThreads(_ name: String, ranks: Int, _ changes: [String] = [], deal: StudyDeal? = nil) throws {
        let stage: Stage = command == "align" ? .align : .pretrain
        let config = try RunConfig.load(path: try arguments(name)[1], overrides: changes, stage: stage)
        _ = try ThreadCollectives.run(rankCount: ranks) { collectives in
            let context = try RankContext.make(collectives: collectives, clock: PhaseClock(), environment: [:])
            try Trainer.train(config, context: context, isTerminal: false, deal: deal) { _, _ in }
        }
    }
}

/// Ways of sharing out a step's studies that no run takes.
enum SampleDeals {
    /// Each study to a rank drawn for it, in every step anew: some ranks have many, some none.
    static func random(_ seed: UInt64) -> StudyDeal {
        { step, costs, ranks in
            let key = RandomKey(seed: seed, purpose: .test).child(UInt64(step))
            return SampleDeals.shares(costs.count, ranks) { key.integer($0, below: ranks) }
        }
    }

    /// All studies to one rank, in every step another.
    static let oneRank: StudyDeal = { step, costs, ranks in
        SampleDeals.shares(costs.count, ranks) { _ in step % ranks }
    }

    /// Neighbours in the global batch to the same rank, the first ones to the last.
    static let backwards: StudyDeal = { _, costs, ranks in
        SampleDeals.shares(costs.count, ranks) { ranks - 1 - $0 * ranks / costs.count }
    }

    /// The first study to two ranks, the last to none.
    static let wrong: StudyDeal = { _, costs, ranks in
        SampleDeals.shares(costs.count, ranks) { $0 % ranks }.map { share in
            share.map { $0 == costs.count - 1 ? 0 : $0 }.sorted()
        }
    }

    private static func shares(_ count: Int, _ ranks: Int, rank: (_ position: Int) -> Int) -> [[Int]] {
        var shares = [[Int]](repeating: [], count: ranks)
        for position in 0..<count { shares[rank(position)].append(position) }
        return shares
    }
}
