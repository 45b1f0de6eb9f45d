import AltaCore
import AltaTestSupport
import Foundation
import Testing

/// What a warm training step asks the system for.
@Suite struct AllocationTests {
    /// Steps after which nothing new is made: primitives of every shape, the arenas' memory.
    static let warmSteps = 12
    static let steps = 24

    /// Requests to the heap a step: descriptions of operations, rows and segments; nothing grows with the width.
    static let requestLimit = 20_000
    /// Bytes of these a step: a study's pixels and activations, which are far more, are not among them.
    static let byteLimit = 4 << 20
    /// Pages a step: the heap's own ups and downs.
    static let pageFaultLimit = 300

    @Test func aWarmStepAsksForLittle() throws {
        let cohort = try SampleCohort.make(12)
        defer { cohort.remove() }
        let job = AlignJob.small(cohort)
        let configuration = try job.arguments("run")[1]
        let outcome = try JobRunner.runAlone(
            "alta-allocation-check", [configuration, "\(Self.warmSteps)", "\(Self.steps)", cohort.folder])
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        let line = try #require(outcome.output.split(separator: "\n").first { $0.hasPrefix("counts: ") })
        let counts = try JSONValue(parsing: String(line.dropFirst("counts: ".count)))
        #expect(try #require(counts["requests_per_step"]?.int) < Self.requestLimit, "\(line)")
        #expect(try #require(counts["bytes_per_step"]?.int) < Self.byteLimit, "\(line)")
        #expect(try #require(counts["page_faults_per_step"]?.int) < Self.pageFaultLimit, "\(line)")
    }
}
