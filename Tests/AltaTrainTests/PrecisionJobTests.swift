import AltaCore
import AltaTensor
import AltaTestSupport
import Foundation
import Testing

extension ComparedJobs {
    /// `precision`: what it comes to is agreed by all ranks, written down, and part of the run.
    @Suite struct PrecisionChoice {
        /// What `auto` and `bf16` come to on this machine.
        private static let best = (try? Engine.multipliesHalf()) == true ? "bf16" : "fp32"

        @Test(arguments: ["auto", "bf16", "fp32"]) func theResolvedPrecisionIsRecorded(asked: String) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let outcome = try job.run("run", ranks: 2, ["precision=\(asked)"])
            expectDone(outcome)
            let expected = asked == "fp32" ? "fp32" : Self.best
            #expect(try job.log("run").events("start").map { $0["precision"]?.string } == [expected])
            let text = try String(contentsOfFile: "\(job.output("run"))/config.json", encoding: .utf8)
            #expect(try JSONValue(parsing: text)["precision"]?.string == expected)
            #expect(outcome.output.contains("computing in fp32") == (asked != "fp32" && expected == "fp32"))
        }

        @Test(.enabled(if: best == "bf16", "needs AVX-512 BF16 or AMX")) func anotherPrecisionIsAnotherRun() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectDone(try job.run("run", ranks: 2, ["precision=bf16"]))
            expectFault(try job.run("run", ranks: 2, ["steps=3"]), ["computed in bf16", "checkpoint"])
            expectDone(try job.run("run", ranks: 1, ["steps=3", "precision=auto"]))
            #expect(try job.log("run").steps.keys.sorted() == [1, 2, 3])
        }

        /// Rounding changes the third digit of a loss, not what is computed.
        @Test(.enabled(if: best == "bf16", "needs AVX-512 BF16 or AMX")) func halfPrecisionIsTheSameTraining() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            for precision in ["fp32", "bf16"] {
                expectDone(try job.run(precision, ranks: 1, ["precision=\(precision)", "steps=3"]))
            }
            for (name, value) in try job.log("bf16").losses(1) {
                let expected = try #require(try job.log("fp32").losses(1)[name])
                #expect(value != expected && abs(value - expected) < 0.04 * abs(expected), "\(name)")
            }
        }
    }
}
