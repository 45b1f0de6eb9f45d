import AltaCore
import AltaTensor
import AltaTestSupport
import Foundation
import Testing

extension ComparedJobs {
    /// What a run promises where a rank's matrix engine cannot keep it. oneDNN is held to fewer instructions than the
    /// processor has.
    @Suite struct Determinism {
        /// Instruction sets below this machine's: rows depend on one another (AVX2), or the kernels are others.
        static let (dependent, other) = (["ONEDNN_MAX_CPU_ISA": "AVX2"], ["ONEDNN_MAX_CPU_ISA": "AVX512_CORE"])
        static let isIndependent = (try? Engine(threads: 1).checkRowIndependence()) == true
        static let note = "note: another rank count or micro-batch may give other last bits"

        private static func run(
            _ job: AlignJob, _ name: String, _ environments: [[String: String]], _ changes: [String] = []
        ) throws -> JobOutcome {
            try JobRunner.run("alta-worker", rankEnvironments: environments, try job.arguments(name, changes))
        }

        @Test(.enabled(if: isIndependent, "needs AVX-512")) func withoutItTheRunSaysSoAndGoesOn() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            for (name, environments, place) in [
                ("all", [Self.dependent, Self.dependent], "on rank 0 a row"),
                ("last", [[:], Self.dependent], "on rank 1 a row"),
            ] {
                let outcome = try Self.run(job, name, environments)
                expectDone(outcome)
                let notes = outcome.output.components(separatedBy: Self.note)
                #expect(notes.count >= 2 && notes[1].contains(place), "\(outcome.output)")
                #expect(try job.log(name).steps.count == 2)
            }
            for changes in [["deterministic=false"], ["trainable=all"]] {
                let outcome = try Self.run(job, "not-asked", [Self.dependent], changes + ["resume=null"])
                expectDone(outcome)
                #expect(!outcome.output.contains(Self.note), "\(changes)")
            }
        }

        @Test(.enabled(if: isIndependent, "needs AVX-512"), arguments: ["fp32", "auto"])
        func whoAskedForItIsRefused(precision: String) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            job.settings["deterministic"] = true
            job.settings["precision"] = .string(precision)
            for (environments, parts) in [
                ([Self.dependent, [:]], ["on rank 0 a row of a product depends", "AVX-512"]),
                ([[:], Self.dependent], ["on rank 1 a row of a product depends", "AVX-512"]),
            ] {
                expectFault(try Self.run(job, "run", environments), ["deterministic cannot be kept"] + parts)
                #expect(!FileManager.default.fileExists(atPath: "\(job.output("run"))/log.jsonl"))
            }
            expectDone(try Self.run(job, "run", [[:], [:]]))
        }

        /// Rows are independent on each rank, and other numbers on each.
        @Test(.enabled(if: isIndependent, "needs AVX-512")) func otherKernelsOnOneRankAreFound() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let outcome = try Self.run(job, "run", [[:], Self.other])
            expectDone(outcome)
            #expect(outcome.output.contains(Self.note) && outcome.output.contains("rank 1 computes with other kernels"))
            expectFault(
                try Self.run(job, "asked", [[:], Self.other], ["deterministic=true"]),
                ["deterministic cannot be kept", "rank 1 computes with other kernels", "one kind"])
            let alike = try Self.run(job, "alike", [Self.other, Self.other], ["deterministic=true"])
            expectDone(alike)
            #expect(!alike.output.contains(Self.note))
        }

        @Test(.enabled(if: isIndependent, "needs AVX-512")) func otherKernelsThanTheCheckpointsAreToldOf() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let told = "the checkpoint was computed with other kernels"
            expectDone(try job.run("run", ranks: 1))
            let same = try job.run("run", ranks: 2, ["steps=3"])
            expectDone(same)
            #expect(!same.output.contains(told))
            let other = try job.run("run", ranks: 2, ["steps=4"], environment: Self.other)
            expectDone(other)
            #expect(other.output.contains(told) && other.output.contains("isa"), "\(other.output)")
            #expect(try job.log("run").steps.count == 4)
            let floating = try job.run("floating", ranks: 1, ["deterministic=false"])
            expectDone(floating)
            let unasked = try job.run(
                "floating", ranks: 1, ["deterministic=false", "steps=3"], environment: Self.other)
            #expect(!unasked.output.contains(told))
            // Checkpoints from before this was recorded.
            let path = "\(job.checkpoint("run", step: 4))/state.json"
            var state = try #require(try JSONValue(parsing: String(contentsOfFile: path, encoding: .utf8)).object)
            #expect(state["kernels"] != nil)
            state["kernels"] = nil
            try cohort.write(try JSONValue.object(state).text(), to: path)
            let unknown = try job.run("run", ranks: 1, ["steps=5"])
            expectDone(unknown)
            #expect(!unknown.output.contains(told))
        }
    }
}
