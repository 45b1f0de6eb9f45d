import AltaCore
import AltaTestSupport
import Foundation
import Testing

extension WorkerJobs {
    /// What `bench step` says for sweeps, its timeline, and a sweep of `alta-launch bench` itself.
    @Suite struct Scaling {
        private static let step = ["step", "--model", "alta-tiny", "--studies", "4"]

        /// The first step is that of any job over the same studies, whatever warms up before the timed ones.
        @Test func theFirstStepIsComparable() throws {
            let lone = try Bench.lines(Self.step + ["--steps", "2", "--warm-up", "0"], ranks: 1)
            let several = try Bench.lines(Self.step + ["--steps", "1", "--warm-up", "1"], ranks: 2)
            #expect(lone.map { $0["step"]?.int } == [1, 2] && several.map { $0["step"]?.int } == [1])
            #expect(lone[0]["result_hash"] == lone[0]["first_hash"] && lone[1]["result_hash"] != lone[1]["first_hash"])
            #expect(several[0]["first_hash"] == lone[0]["first_hash"])
            #expect(several[0]["result_hash"] == lone[1]["result_hash"])
            let other = try Bench.lines(Self.step + ["--steps", "1", "--warm-up", "0", "--seed", "2"], ranks: 1)
            #expect(other[0]["first_hash"] != lone[0]["first_hash"])
        }

        @Test func whatRanksSpendAddsUp() throws {
            let line = try #require(try Bench.lines(Self.step + ["--steps", "1"], ranks: 2).first)
            func number(_ keys: String...) throws -> Double {
                try #require(keys.reduce(JSONValue.object(line) as JSONValue?) { $0?[$1] }?.double, "\(keys)")
            }
            let mean = try number("compute_seconds", "mean")
            #expect(try number("compute_seconds", "minimum") <= mean && mean <= number("compute_seconds", "maximum"))
            #expect(try mean + number("mean_communication_seconds") <= number("seconds_per_step") * 1.0001)
            #expect(try number("mean_wait_seconds") <= number("mean_communication_seconds"))
            #expect([0, 1].contains(line["slowest_rank"]?.int) && line["host_count"]?.int == 1)
            #expect(line["keeps_bits"]?.bool != nil && line["kernels"]?.string?.isEmpty == false)
            // 4 reports of 84 tokens in the mean, the first of each no word; int64 for a word's gradient, and fp32 for a word,
            // with two vectors for each study.
            let width = try number("word_gradient_bytes") / (8 * 4 * 83)
            #expect(width >= 1 && width == width.rounded())
            #expect(try number("gathered_bytes") == 4 * width * (4 * 83 + 8))
            #expect(try number("gradient_bytes").truncatingRemainder(dividingBy: 8) == 0)
            #expect(line["transport"]?.string?.contains("\0") == false)
        }

        @Test func aTimelineHoldsWhatEveryRankDid() throws {
            let file = try SharedMaterial.temporaryFolder("trace") + "/trace.json"
            let arguments = Self.step + ["--steps", "2", "--warm-up", "0", "--trace", file]
            let line = try #require(try Bench.lines(arguments, ranks: 2).last)
            let seconds = try #require(line["seconds_per_step"]?.double)
            let events = try #require(JSONValue(parsing: try String(contentsOfFile: file, encoding: .utf8)).array)
            let times = try events.map { try #require($0["ts"]?.double) }
            #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 } && times.allSatisfy { $0 >= 0 })
            // The rank that announces a bucket last finds it complete.
            #expect(try !TimeSpan.spans(events, of: "reduction").isEmpty)
            for rank in 0..<2 {
                let own = events.filter { $0["tid"]?.int == rank }
                #expect(own.count { $0["ph"] == "M" } == 2)
                let phases = try TimeSpan.spans(own, of: "phase")
                #expect(Set(phases.map(\.name)) == ["data", "communication", "forward", "loss", "backward", "update"])
                #expect(TimeSpan.overlaps(phases).isEmpty)
                let collectives = try TimeSpan.spans(own, of: "collective")
                #expect(
                    Set(collectives.map(\.name)).isSuperset(of: ["all-reduce sum", "all-gather", "reduce-scatter"]))
                #expect(TimeSpan.overlaps(collectives).isEmpty)
                for collective in collectives {
                    #expect(phases.contains { $0.contains(collective) }, "\(collective.name) in no phase")
                }
                // Microseconds: thousandths of them would be far more.
                #expect((phases.last?.end ?? 0) < 1.2e6 * seconds + 15e6)
                // What begins in the background ends there.
                let (begun, ended) = (own.filter { $0["ph"] == "b" }, own.filter { $0["ph"] == "e" })
                #expect(begun.count == ended.count && Set(begun.map { $0["id"]?.string }).count == begun.count)
            }
        }

        /// Without `--trace` nothing is written; a file that cannot be written is told once, by all.
        @Test func aTimelineThatCannotBeWrittenIsAnError() throws {
            let outcome = try JobRunner.run(
                "alta-worker", ranks: 2,
                ["bench"] + Self.step + ["--steps", "1", "--warm-up", "0", "--trace", "/proc/no/trace.json"])
            expectFault(outcome, ["/proc/no/trace.json"])
        }

        @Test(.enabled(if: JobRunner.hasLauncher, "alta-launch starts Open MPI's mpirun"))
        func aSweepIsValidAndLeavesItsFiles() throws {
            let folder = try SharedMaterial.temporaryFolder("sweep")
            let outcome = try JobRunner.runAlone(
                "alta-launch",
                [
                    "bench", "--quick", "--ranks", "1,2", "--studies", "4", "--studies-per-rank", "1", "--warm-up", "1",
                    "--mode", "both", "--no-whole-nodes", "--no-binding", "--output", folder, "--trace",
                    "\(folder)/trace.json",
                ], limitSeconds: 240)
            expectDone(outcome)
            let text = try String(contentsOfFile: "\(folder)/scaling.json", encoding: .utf8)
            let json = try JSONValue(parsing: text)
            let points = try #require(json["points"]?.array)
            #expect(json["valid"] == true && points.count == 4 && points.allSatisfy { $0["valid"] == true })
            #expect(points[1]["validity"]?.string == "3 steps equal to one rank's, bit for bit")
            #expect(points[3]["validity"]?.string == "first step equal to one rank's, bit for bit")
            #expect(try #require(json["model"]?["seconds_per_study"]?.double) > 0)
            for name in ["scaling.svg", "trace.json", "runs.jsonl"] {
                #expect(FileManager.default.fileExists(atPath: "\(folder)/\(name)"), "\(name)")
            }
        }
    }
}

/// A complete event of a timeline, in microseconds.
private struct TimeSpan {
    let name: String
    let start: Double
    let end: Double

    /// Rounding to nanoseconds.
    private static let tolerance = 2e-3

    func contains(_ other: TimeSpan) -> Bool {
        start <= other.start + TimeSpan.tolerance && other.end <= end + TimeSpan.tolerance
    }

    static func spans(_ events: [JSONValue], of category: String) throws -> [TimeSpan] {
        try events.filter { $0["cat"]?.string == category }.map { event in
            let start = try #require(event["ts"]?.double)
            let length = try #require(event["dur"]?.double)
            #expect(event["ph"] == "X" && length >= 0)
            return TimeSpan(name: try #require(event["name"]?.string), start: start, end: start + length)
        }
    }

    /// Pairs of which the second begins before the first has ended.
    static func overlaps(_ spans: [TimeSpan]) -> [String] {
        zip(spans, spans.dropFirst()).filter { $1.start < $0.end - tolerance }.map { "\($0.name), \($1.name)" }
    }
}
