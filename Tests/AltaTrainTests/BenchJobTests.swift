import AltaCore
import AltaTestSupport
import AltaTrain
import Testing

@Suite struct SyntheticStudiesTests {
    @Test(arguments: [1, 2, 7, 8, 64])
    func reportsHaveTheMeanAskedForAndEveryLengthTheModelTakes(count: Int) throws {
        let studies = try SyntheticStudies.make(
            config: .published(.align), count: count, meanTokens: 84, seed: 1)
        #expect(abs(studies.tokenCounts.reduce(0, +) - 84 * count) <= count / 2)
        #expect(studies.tokenCounts.allSatisfy { (40...128).contains($0) })
        #expect(count < 64 || (studies.tokenCounts.min() == 41 && studies.tokenCounts.max() == 127))
    }

    @Test func aMeanThatTheModelCannotHaveIsRefused() {
        for mean in [2, 128 + 1] {
            #expect(throws: AltaError.self) {
                try SyntheticStudies.make(config: .published(.align), count: 4, meanTokens: mean, seed: 1)
            }
        }
    }

    @Test func studiesAreAFunctionOfTheSeedAndTheirRow() throws {
        func study(seed: UInt64, row: Int) throws -> [Float] {
            let config = try #require(ModelConfig.preset("alta-tiny"))
            let studies = try SyntheticStudies.make(config: config, count: 6, meanTokens: 84, seed: seed)
            #expect(studies.study(row).views.map { $0 != nil } == [true, row % 2 == 0, row % 3 != 1, row % 3 == 0])
            return studies.study(row).large.pixels
        }
        #expect(try study(seed: 1, row: 3) == study(seed: 1, row: 3))
        #expect(try study(seed: 1, row: 3) != study(seed: 2, row: 3))
        #expect(try study(seed: 1, row: 3) != study(seed: 1, row: 4))
    }
}

extension WorkerJobs {
    /// `alta-worker bench`: one line a step, and the same steps at any rank count.
    @Suite struct Bench {
        static func lines(_ arguments: [String], ranks: Int) throws -> [JSONObject] {
            let outcome = try JobRunner.run("alta-worker", ranks: ranks, ["bench"] + arguments)
            expectDone(outcome)
            return try outcome.output.split(separator: "\n").map { try #require(JSONValue(parsing: String($0)).object) }
        }

        @Test func stepsAreTheSameAtAnyRankCount() throws {
            let arguments = ["step", "--model", "alta-tiny", "--studies", "5", "--steps", "2"]
            let one = try Self.lines(arguments, ranks: 1)
            let three = try Self.lines(arguments, ranks: 3)
            #expect(one.count == 2 && three.count == 2)
            for (single, several) in zip(one, three) {
                for key in [
                    "step", "loss", "gflop", "studies", "gradient_norm", "result_hash", "first_loss", "first_hash",
                ] {
                    #expect(single[key] == several[key] && single[key] != nil, "\(key)")
                }
                let rate = try #require(several["studies_per_second"]?.double)
                let seconds = try #require(several["seconds_per_step"]?.double)
                #expect(abs(rate * seconds - 5) < 1e-6)
                for key in ["gflops", "gemm_peak_gflops", "peak_memory_bytes", "bytes_sent"] {
                    #expect(try #require(several[key]?.double) > 0, "\(key)")
                }
                #expect(single["bytes_sent"]?.double == 0)
            }
        }

        /// The default is a run's; sums in floating point differ in the last bits.
        @Test(arguments: ["adapters", "all"]) func sumsMayDependOnTheirOrder(trainable: String) throws {
            let arguments = [
                "step", "--model", "alta-tiny", "--studies", "4", "--steps", "3", "--precision", "fp32", "--trainable",
                trainable,
            ]
            let chosen = try [[], ["true"], ["false"]].map { choice in
                try #require(try Self.lines(arguments + choice.flatMap { ["--deterministic", $0] }, ranks: 1).last)
            }
            let isExact = trainable == "adapters"
            #expect(chosen.map { $0["deterministic"]?.bool } == [isExact, true, false])
            #expect(chosen[0]["loss"] == chosen[isExact ? 1 : 2]["loss"] && chosen[1]["loss"] != chosen[2]["loss"])
            #expect(try chosen.allSatisfy { try #require($0["processor_seconds"]?.double) > 0 })
        }

        @Test(arguments: [1, 3]) func sumsOverRanksAreCheckedAndTimed(ranks: Int) throws {
            let arguments = ["allreduce", "--pairs", "2", "--elements", "1000", "--elements", "300001"]
            let lines = try Self.lines(arguments, ranks: ranks)
            #expect(lines.map { $0["bytes"]?.int } == [8000, 2_400_008])
            for line in lines {
                #expect(line["ranks"]?.int == ranks)
                for key in ["seconds", "mpi_seconds", "mpi_bucket_seconds", "ratio", "bucket_ratio"] {
                    #expect(try #require(line[key]?.double) > 0, "\(key)")
                }
            }
        }

        /// Ranks that exchanged other sizes would wait for one another for ever.
        @Test func ranksWithDifferentOptionsAreRefused() throws {
            let loss = ["bench", "loss", "--studies", "10"]
            let step = ["bench", "step", "--model", "alta-tiny"]
            let sums = ["bench", "allreduce", "--elements", "1000"]
            for (one, other, parts) in [
                (loss, ["bench", "loss", "--studies", "12", "--seed", "2"], ["options", "in --seed, --studies"]),
                (step + ["--studies", "4"], step, ["options", "in --studies"]),
                (sums, sums + ["--elements", "2000"], ["options", "in --elements"]),
                (loss, ["bench", "step", "--studies", "10"], ["commands"]),
            ] {
                for ranks in [[one, other], [other, one]] {
                    let outcome = try JobRunner.run("alta-worker", rankArguments: ranks, limitSeconds: 20)
                    expectFault(outcome, ["ranks have different", "rank 1"] + parts, exitCode: 2)
                }
            }
        }

        @Test func wrongOptionsAreUsageErrors() throws {
            for (arguments, part) in [
                (["step", "--model", "alta-huge"], "alta-base"), (["step", "--mean-tokens", "400"], "mean-tokens"),
                (["step", "--steps", "0"], "--steps is 0"), (["step", "--deterministic", "1"], "true or false"),
                (["step", "--trainable", "none"], "adapters or all"), (["stop"], "did you mean step?"),
                (["allreduce", "--elements", "0"], "--elements is 0"),
            ] {
                let outcome = try JobRunner.run("alta-worker", ranks: 2, ["bench"] + arguments)
                expectFault(outcome, [part], exitCode: 2)
            }
        }
    }
}
