import AltaComm
import AltaCore
import AltaFormats
import AltaObjective
import AltaTensor
import AltaTestSupport
import AltaTrain
import Foundation
import Synchronization
import Testing

@Suite struct LossBenchmarkTests {
    typealias Lines = [JSONObject]

    /// What a rank's lines were, and how it ended.
    private struct Outcome: Sendable {
        var lines: Lines = []
        var error: AltaError?
    }

    private static func honest(
        _ own: LocalEmbeddings, _ scales: ContrastiveScales, _ engine: Engine, _ arena: Arena,
        _ collectives: any Collectives
    ) throws -> ContrastiveResult {
        try ContrastiveObjective().evaluate(
            own, scales: scales, engine: engine, arena: arena, collectives: collectives)
    }

    /// Each rank's outcome; `scales` and `change` are made to what goes into and comes out of every evaluation on it.
    private func run(
        ranks: Int, _ options: LossBenchmark.Options, threads: Int = 1, availableBytes: Int? = nil,
        notice: @escaping @Sendable (String) -> Void = { _ in },
        scales: @escaping @Sendable (ContrastiveScales) -> ContrastiveScales = { $0 },
        change: @escaping @Sendable (ContrastiveResult, Int) -> Void = { _, _ in }
    ) throws -> [Outcome] {
        try ThreadCollectives.run(rankCount: ranks) { collectives in
            let made = try RankContext.make(collectives: collectives, clock: PhaseClock(), environment: [:])
            let context = RankContext(
                collectives: collectives, hostNames: made.hostNames, engine: try Engine(threads: threads),
                clock: made.clock, availableBytes: availableBytes ?? made.availableBytes, neighbours: made.neighbours)
            var outcome = Outcome()
            do {
                try LossBenchmark.run(
                    options, context: context,
                    objective: { own, given, engine, arena, collectives in
                        let result = try Self.honest(own, scales(given), engine, arena, collectives)
                        change(result, collectives.rank)
                        return result
                    }, notice: notice, emit: { outcome.lines.append($0) })
            } catch let failure as AgreedFailure { outcome.error = failure.error }
            return outcome
        }
    }

    private static let small: LossBenchmark.Options = {
        var options = LossBenchmark.Options()
        (options.studies, options.patches, options.meanWords) = (7, 5, 6)
        (options.steps, options.precision) = (2, .fp32)
        return options
    }()

    @Test(arguments: [Precision.fp32, .bf16]) func theSameBatchAtAnyRankCount(precision: Precision) throws {
        var options = Self.small
        options.precision = precision
        let one = try run(ranks: 1, options)
        let three = try run(ranks: 3, options)
        #expect(one[0].lines.count == 2 && three.map(\.lines.count) == [2, 0, 0])
        for (single, several) in zip(one[0].lines, three[0].lines) {
            for key in ["step", "studies", "patches", "words", "gflop", "global_contrastive", "local_contrastive"] {
                #expect(single[key] != nil && single[key] == several[key], "\(key)")
            }
            for key in [
                "seconds", "processor_seconds", "gflops", "gemm_peak_gflops", "peak_share", "peak_memory_bytes",
                "bytes_sent",
            ] {
                #expect(try #require(several[key]?.double) > 0, "\(key)")
            }
            #expect(single["bytes_sent"]?.int == 0)
            let error = try #require(several["largest_relative_error"]?.double)
            #expect(error > 0 && error < (several["precision"]?.string == "bf16" ? 2e-2 : 2e-4))
            _ = try JSONValue.object(several).text()
        }
    }

    /// Fewer studies than ranks, and one study, whose losses are exactly 0.
    @Test func ranksMayBeWithoutStudies() throws {
        var options = Self.small
        (options.studies, options.steps) = (1, 1)
        for outcome in try run(ranks: 4, options) {
            #expect(outcome.error == nil)
            for line in outcome.lines {
                #expect(line["local_contrastive"]?.double == 0 && line["global_contrastive"]?.double == 0)
            }
        }
    }

    /// Parts of the result that are made wrong, each by more than it may differ; what the error names.
    enum Fault: String, CaseIterable, Sendable {
        case images = "study vectors"
        case texts = "report vectors"
        case patches, words

        func gradient(_ result: ContrastiveResult) -> Matrix {
            switch self {
            case .images: result.imageGlobalGradient
            case .texts: result.textGlobalGradient
            case .patches: result.patchesGradient
            case .words: result.wordsGradient
            }
        }
    }

    /// A part in a thousand too large on one rank of two: everyone refuses.
    @Test(arguments: Fault.allCases) func wrongGradientsAreNotTimed(fault: Fault) throws {
        let outcomes = try run(
            ranks: 2, Self.small,
            change: { result, rank in
                guard rank == 1 else { return }
                let gradient = fault.gradient(result)
                for i in 0..<gradient.count { gradient.base[i] *= 1.001 }
            })
        for outcome in outcomes {
            #expect(outcome.lines.isEmpty)
            #expect(try #require(outcome.error).description.contains("gradient of \(fault.rawValue)"))
        }
    }

    @Test func gradientsThatAreNotFiniteAreNotTimed() throws {
        let outcomes = try run(
            ranks: 1, Self.small, change: { result, _ in result.wordsGradient.base[3] = .nan })
        #expect(try #require(outcomes[0].error).what.contains("not timed"))
    }

    /// Another temperature: losses and all gradients are wrong, and the first is named.
    @Test(arguments: [0, 1]) func wrongLossesAreNotTimed(place: Int) throws {
        let outcomes = try run(
            ranks: 1, Self.small,
            scales: { scales in
                ContrastiveScales(
                    logitScale: scales.logitScale + (place == 0 ? 0.01 : 0), localScale1: scales.localScale1,
                    localScale2: scales.localScale2, localScale3: scales.localScale3 + (place == 1 ? 0.01 : 0))
            })
        let error = try #require(outcomes[0].error)
        #expect(error.description.contains(place == 0 ? "the global" : "the local"))
    }

    /// Batches whose memory is mostly a tile of eight reports, and mostly the studies that are made ready for one.
    @Test(arguments: [(8, 300, 300, 1), (9, 300, 300, 2), (40, 500, 2, 1)], [Precision.fp32, .bf16])
    func whatDoesNotFitIsRefused(sizes: (studies: Int, patches: Int, words: Int, threads: Int), precision: Precision)
        throws
    {
        var options = LossBenchmark.Options()
        (options.studies, options.patches, options.meanWords) = (sizes.studies, sizes.patches, sizes.words)
        (options.steps, options.precision) = (1, precision)
        func outcome(_ availableBytes: Int?) throws -> Outcome {
            try run(ranks: 1, options, threads: sizes.threads, availableBytes: availableBytes)[0]
        }
        let line = try #require(try outcome(nil).lines.first)
        let (arena, words) = (try #require(line["arena_bytes"]?.int), try #require(line["words"]?.int))
        let taken = arena + 4 * 128 * (sizes.studies * (2 + sizes.patches) + words)
        #expect(try #require(try outcome(taken).error).description.contains("do not fit in memory"))
        let withRoom = try outcome(taken * 3 / 2)
        #expect(withRoom.error == nil && withRoom.lines.count == 1)
    }

    @Test func longStepsTellHowFarTheyAre() throws {
        var options = Self.small
        options.steps = 1
        let said = Mutex<[String]>([])
        let calls = Mutex(0)
        // Two small batches, the warm-up, then the step.
        _ = try run(
            ranks: 1, options, notice: { text in said.withLock { $0.append(text) } },
            change: { _, _ in
                let call = calls.withLock { count in
                    count += 1
                    return count
                }
                if call == 4 { Thread.sleep(forTimeInterval: 2.5) }
            })
        #expect(said.withLock { $0 }.contains { $0.hasPrefix("step 1 of 1: 0:02 of about 0:0") })
    }
}

extension WorkerJobs {
    /// `alta-worker bench loss` as it is called.
    @Suite struct BenchLoss {
        private static let sizes = ["loss", "--studies", "10", "--patches", "12", "--mean-words", "9", "--steps", "1"]

        @Test func linesAreTheSameAtAnyRankCount() throws {
            let jobs = try [1, 2, 3].map { try Bench.lines(Self.sizes + ["--precision", "fp32"], ranks: $0) }
            for (index, lines) in jobs.enumerated() {
                #expect(lines.count == 1)
                #expect(lines[0]["ranks"]?.int == index + 1 && lines[0]["precision"]?.string == "fp32")
                #expect(lines[0]["local_contrastive"] == jobs[0][0]["local_contrastive"])
                #expect(try #require(lines[0]["bytes_sent"]?.int) > 0 || index == 0)
                let phases = try #require(lines[0]["phase_seconds"]?.object).members.map(\.key)
                #expect(phases == ["communication", "communication_wait", "global", "similarities", "gradients"])
            }
            #expect(jobs[0][0]["bytes_sent"]?.int == 0)
        }

        /// A process of its own: at least the gradients, and little more. One study takes 0.9 MB, and up to 4.2 MB were
        /// measured; the 9 MB that the process had before for its check and the peak of products are not in it.
        @Test func memoryIsThatOfTheEvaluation() throws {
            func bytes(_ studies: Int, key: String) throws -> Int {
                let lines = try Bench.lines(["loss", "--studies", "\(studies)", "--steps", "1"], ranks: 1)
                return try #require(lines[0][key]?.int)
            }
            #expect(try bytes(1, key: "peak_memory_bytes") < 6 << 20)
            let gradients = 4 * 128 * 24 * 196
            let many = try bytes(24, key: "peak_memory_bytes")
            #expect(many > gradients && many < gradients + 32 << 20)
        }

        @Test func theBatchAndItsGradientsCanBeWritten() throws {
            let path = FileManager.default.temporaryDirectory.appending(path: "losses-\(UUID()).safetensors").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            let lines = try Bench.lines(Self.sizes + ["--dump", path], ranks: 1)
            let file = try SafetensorsFile(path: path)
            func floats(_ name: String) throws -> [Float] { try file.floats(name) }
            #expect(
                try floats("losses").map(Double.init)[1].distance(to: lines[0]["local_contrastive"]?.double ?? 0)
                    .magnitude < 1e-5)
            #expect(try floats("gradients/image_local").count == 10 * 12 * 128)
            #expect(try floats("embeddings/text_local").count == 128 * #require(lines[0]["words"]?.int))
        }

        @Test func wrongOptionsAreUsageErrors() throws {
            for (arguments, part) in [
                (["--studies", "0"], "--studies is 0"), (["--precision", "fp16"], "fp32, bf16 or auto"),
                (["--dump", "somewhere"], "--dump on 2 ranks"), (["--studies", "1000000"], "do not fit in memory"),
                (["--mean-words", "many"], "--mean-words is many"), (["--threads", "0"], "--threads is 0"),
            ] {
                let outcome = try JobRunner.run("alta-worker", ranks: 2, ["bench", "loss"] + arguments)
                expectFault(outcome, [part], exitCode: 2)
            }
        }

        /// Before anything is computed: the check of the losses is the first that is told.
        @Test func aDumpWithoutAPlaceIsRefusedAtOnce() throws {
            let folder = try SharedMaterial.temporaryFolder("dump")
            for (path, part) in [(folder, "--dump is a folder"), ("\(folder)/none/x", "there is no folder for --dump")]
            {
                let outcome = try JobRunner.run("alta-worker", ranks: 1, ["bench"] + Self.sizes + ["--dump", path])
                expectFault(outcome, [part, path], exitCode: 2)
                #expect(!outcome.errors.contains("checking") && outcome.output.isEmpty)
            }
        }
    }
}
