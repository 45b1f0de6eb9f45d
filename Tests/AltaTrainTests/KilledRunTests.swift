import AltaCore
import AltaTestSupport
import AltaTrain
import Foundation
import Testing

extension WorkerJobs {
    /// A run that is killed again and again is the run that was never disturbed. `ALTA_KILLS` says how often
    /// (`Tests/Scripts/kill_run.sh`).
    @Suite struct KilledRuns {
        /// What the plan is drawn from: `ALTA_KILLS_SEED`, to repeat one that showed a fault.
        private static var seed: UInt64 {
            ProcessInfo.processInfo.environment["ALTA_KILLS_SEED"].flatMap { UInt64($0) } ?? .random(in: 0 ... .max)
        }
        static let kills = ProcessInfo.processInfo.environment["ALTA_KILLS"].flatMap(Int.init) ?? 12
        private static let phases = [
            "start", "data", "communication", "forward", "loss", "backward", "update", "comparison", "checkpoint",
            "evaluation",
        ]
        private static let keep = 3
        /// A start takes four steps or so to its end.
        private static let steps = 8 * kills

        /// Every phase twice, of one rank and of all, every stage of a checkpoint, and moments that nobody chose; a short run
        /// takes some of each.
        private static func plan(_ seed: UInt64) -> [KilledRun.Kill] {
            var draws = SeededDraws(state: seed)
            var phased: [KilledRun.Kill] = []
            for phase in phases {
                for rank in [Int.random(in: 0...1, using: &draws), nil] {
                    phased.append(.phase(phase, rank: rank, microseconds: .random(in: 0...3000, using: &draws)))
                }
            }
            // No checkpoint is set aside in a run that never goes back, and a validation may be no best one.
            let stages = CheckpointStage.allCases.filter { ![.setAside, .bestBegun, .bestWritten].contains($0) }
            let anywhere = (0..<max(2, kills / 4)).map { index -> KilledRun.Kill in
                .anywhere(
                    rank: index % 2 == 0 ? nil : .random(in: 0...1, using: &draws), afterStep: index % 4 > 0,
                    milliseconds: .random(in: 0...(index % 4 > 0 ? 60 : 700), using: &draws))
            }
            let groups = [
                phased.shuffled(using: &draws), stages.map { .stage($0) }.shuffled(using: &draws), anywhere,
            ]
            return (0..<kills).map { index in
                let group = groups[[0, 1, 0, 1, 2, 0][index % 6]]
                return group[index / 2 % group.count]
            }
        }

        @Test func killedAtAnyMoment() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            job.settings["deterministic"] = true
            job.settings["checkpoint_every"] = 2
            job.settings["keep_checkpoints"] = .integer(Self.keep)
            job.settings["steps"] = .integer(Self.steps)
            job.validate(on: cohort)
            expectDone(try job.run("whole", ranks: 2, limitSeconds: 600))

            let seed = Self.seed
            let run = KilledRun(job: job, name: "killed", keep: Self.keep, seed: seed)
            var counts: [String: (one: Int, all: Int)] = [:]
            for (index, kill) in Self.plan(seed).enumerated()
            where try run.start(kill, ranks: index % 3 == 2 ? 3 : 2) {
                counts[kill.kind, default: (0, 0)].one += kill.isWhole ? 0 : 1
                counts[kill.kind, default: (0, 0)].all += kill.isWhole ? 1 : 0
            }
            Self.tell(counts)
            let total = counts.values.reduce(0) { $0 + $1.one + $1.all }
            #expect(
                total >= Self.kills * 9 / 10,
                "only \(total) of \(Self.kills) starts were killed (ALTA_KILLS_SEED=\(seed))")
            expectDone(try job.run("killed", ranks: 2, limitSeconds: 600))
            try expectEqualEnds(job)
        }

        /// Weights, moments and the whole log.
        private func expectEqualEnds(_ job: AlignJob) throws {
            #expect(try job.log("killed").exactLines() == job.log("whole").exactLines())
            #expect(try job.trainable("killed", step: Self.steps) == job.trainable("whole", step: Self.steps))
            let moments = try ["killed", "whole"].map {
                try Data(contentsOf: URL(filePath: "\(job.checkpoint($0, step: Self.steps))/optimizer.safetensors"))
            }
            #expect(moments[0] == moments[1])
        }

        private static func tell(_ counts: [String: (one: Int, all: Int)]) {
            guard ProcessInfo.processInfo.environment["ALTA_KILLS"] != nil else { return }
            for (kind, count) in counts.sorted(by: { $0.key < $1.key }) {
                print("kills: \(kind.padded(to: 34)) one rank \(count.one)  all ranks \(count.all)")
            }
            print("kills: \(counts.values.reduce(0) { $0 + $1.one + $1.all }) in all")
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood): draws that a seed repeats.
private struct SeededDraws: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var draw = state
        draw = (draw ^ (draw >> 30)) &* 0xBF58_476D_1CE4_E5B9
        draw = (draw ^ (draw >> 27)) &* 0x94D0_49BB_1331_11EB
        return draw ^ (draw >> 31)
    }
}
