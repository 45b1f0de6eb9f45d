import AltaCore
import AltaTestSupport
import Foundation
import Testing

/// What a warm training step asks the system for.
@Suite struct AllocationTests {
    /// Steps after which nothing new is made: primitives of every shape, the arenas' memory.
    static let warmSteps = 12
    static let steps = 24

    /// Requests to the heap a step: descriptions of operations, rows and segments, and what oneDNN asks for to pack the
    /// patches of each study for the local loss, some 150 a direction (13,799 where it was measured with 12 studies; 9,581
    /// before patches were packed). None of the sweeps asks for more than 300 kB at once; their bytes are oneDNN's own and
    /// those of the studies being prepared.
    static let requestLimit = 16_000
    /// Pages a step: the heap's own ups and downs.
    static let pageFaultLimit = 300

    @Test func aWarmStepAsksForLittle() throws {
        let cohort = try SampleCohort.make(12)
        defer { cohort.remove() }
        var job = AlignJob.small(cohort)
        // Each run writes one, at its end.
        job.settings["checkpoint_every"] = 1_000_000
        // The same studies in every step: other numbers of rows would need primitives of their own.
        job.settings["global_batch"] = 12
        let configuration = try job.arguments("run")[1]
        let outcome = try JobRunner.runAlone(
            "alta-allocation-check", [configuration, "\(Self.warmSteps)", "\(Self.steps)", cohort.folder])
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        let line = try #require(outcome.output.split(separator: "\n").first { $0.hasPrefix("counts: ") })
        let counts = try JSONValue(parsing: String(line.dropFirst("counts: ".count)))
        #expect(try #require(counts["requests_per_step"]?.int) < Self.requestLimit, "\(line)")
        #expect(try #require(counts["page_faults_per_step"]?.int) < Self.pageFaultLimit, "\(line)")
    }
}
