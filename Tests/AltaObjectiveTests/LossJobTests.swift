import AltaCore
import AltaObjectiveSupport
import AltaTensor
import AltaTestSupport
import Testing

/// The losses as jobs of several ranks over MPI (`alta-loss-check`): random batches, dealt at random.
@Suite(.serialized, .enabled(if: JobRunner.hasMpirun, "needs mpirun")) struct LossJobTests {
    static let program = "alta-loss-check"
    static let multipliesHalf = (try? Engine.multipliesHalf()) ?? false
    /// So many seeds have every kind of batch, most of them once (`theSeedsHaveEveryKindOfBatch`).
    static let seeds = 1..<17 as Range<UInt64>

    /// What a job said of its results: the last word of its last line.
    private static func hash(ranks: Int, _ options: [String]) throws -> String? {
        let outcome = try JobRunner.run(program, ranks: ranks, options, limitSeconds: 120)
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        #expect(outcome.output.contains(" batches hold at \(ranks) ranks"), "\(outcome.output)")
        return outcome.output.split(whereSeparator: \.isWhitespace).last.map(String.init)
    }

    private static func options(_ format: String, _ more: [String] = []) -> [String] {
        ["--seed", "\(seeds.lowerBound)", "--batches", "\(seeds.count)", "--format", format] + more
    }

    @Test func randomBatchesAreThoseOfOneRank() throws {
        let hashes = try (1...5).map { try Self.hash(ranks: $0, Self.options("fp32")) }
        #expect(Set(hashes).count == 1, "\(hashes)")
    }

    @Test(.enabled(if: multipliesHalf, "needs bf16 products")) func randomBatchesAreThoseOfOneRankInHalfPrecision()
        throws
    {
        var hashes = try (1...5).map { try Self.hash(ranks: $0, Self.options("bf16")) }
        hashes.append(try Self.hash(ranks: 2, Self.options("bf16", ["--threads", "3"])))
        #expect(Set(hashes).count == 1, "\(hashes)")
    }

    /// The published model's sizes, which go other ways through the matrix engine: plain, identical and large numbers.
    @Test func fullSizeIsThatOfOneRank() throws {
        let options = ["--seed", "9", "--batches", "3", "--size", "full"]
        #expect(try Self.hash(ranks: 3, options) != nil)
    }

    @Test(arguments: [
        ("bit", "one rank alone finds other bits"), ("gradient", "the gradient of words differs by "),
        ("number", "it fails: "),
    ])
    func whatIsOffIsToldWithItsSeed(fault: String, what: String) throws {
        let outcome = try JobRunner.run(
            Self.program, ranks: 2, ["--seed", "4", "--batches", "2", "--fault", fault])
        #expect(outcome.exitCode == 1)
        #expect(outcome.errors.contains("failed: seed 4: plain, B ") && outcome.errors.contains(what))
        #expect(outcome.errors.contains("alta-loss-check --seed 4 --batches 1 --size small --format fp32"))
    }

    @Test func theSeedsHaveEveryKindOfBatch() {
        let cases = Self.seeds.map(ContrastiveCase.draw(seed:))
        #expect(Set(cases.map(\.kind)).count == ContrastiveCase.Kind.allCases.count)
        let counts = cases.map(\.batch.count)
        #expect(counts.contains(1) && counts.contains { $0 > 30 })
        for ranks in 2...5 {
            let shares = cases.map { $0.shares(rankCount: ranks) }
            for (share, count) in zip(shares, counts) {
                #expect(share.flatMap { $0 }.sorted() == Array(0..<count) && share.allSatisfy { $0 == $0.sorted() })
            }
            #expect(counts.contains { $0 % ranks != 0 })
            #expect(shares.contains { $0.contains([]) }, "no rank without a study at \(ranks) ranks")
            #expect(
                zip(shares, counts).contains { share, count in count > 1 && share.contains { $0.count == count } },
                "no batch on one rank at \(ranks) ranks")
        }
    }
}
