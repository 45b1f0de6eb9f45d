import AltaComm
import AltaCore
import AltaTensor
import AltaTestSupport
import AltaTrain
import Foundation
import Testing

@Suite struct LoaderBenchmarkTests {
    /// The lines of each rank.
    private func lines(ranks: Int, _ change: (inout LoaderBenchmark.Options) -> Void) throws -> [[JSONObject]] {
        var options = LoaderBenchmark.Options()
        options.model.imageSize = 32
        (options.studies, options.steps, options.radiographSize) = (5, 2, 64)
        change(&options)
        return try ThreadCollectives.run(rankCount: ranks) { [options] collectives in
            let context = try RankContext.make(collectives: collectives, clock: PhaseClock(), environment: [:])
            var lines: [JSONObject] = []
            try LoaderBenchmark.run(options, context: context, notice: { _ in }, emit: { lines.append($0) })
            return lines
        }
    }

    private func lines(_ change: (inout LoaderBenchmark.Options) -> Void) throws -> [JSONObject] {
        try lines(ranks: 1, change)[0]
    }

    @Test(arguments: [1, 3]) func timesImagesAndPack(threads: Int) throws {
        let lines = try lines { $0.threads = threads }
        #expect(lines.map { $0["source"]?.string } == ["images", "images", "pack", "pack"])
        #expect(lines.map { $0["step"]?.int } == [1, 2, 1, 2])
        for line in lines {
            for key in [
                "seconds", "processor_seconds", "studies_per_second", "studies_per_second_per_core",
                "share_of_fastest_step", "step_gflop_per_study", "gemm_peak_gflops_per_core",
            ] {
                #expect(try #require(line[key]?.double) > 0, "\(key)")
            }
            #expect(line["studies"]?.int == 5 && line["threads"]?.int == threads)
            _ = try JSONValue.object(line).text()
        }
    }

    @Test func aPackOrATableMayBeGiven() throws {
        let cohort = try SampleCohort.make()
        defer { cohort.remove() }
        let pack = "\(cohort.folder)/some.pack"
        let arguments = [
            "pack", cohort.tablePath, "--output", pack, "--image-size", "32", "--vocabulary", cohort.vocabularyPath,
        ]
        expectDone(try JobRunner.runAlone("alta-data", arguments))
        let packed = try lines { ($0.data, $0.vocabulary) = (pack, cohort.vocabularyPath) }
        #expect(packed.map { $0["source"]?.string } == ["pack", "pack"])
        #expect(try lines { $0.data = cohort.tablePath }.count == 4)
        let failure = #expect(throws: AgreedFailure.self) {
            try lines { options in
                (options.data, options.vocabulary, options.model.imageSize) = (pack, cohort.vocabularyPath, 48)
            }
        }
        #expect(failure?.error.file == pack)
    }

    /// Of a large table only what is prepared is packed: the radiographs of the rest need not be there.
    @Test func studiesThatAreNotPreparedAreNotPacked() throws {
        let cohort = try SampleCohort.make(9)
        defer { cohort.remove() }
        try FileManager.default.removeItem(atPath: cohort.imagePath(7))
        #expect(try lines { ($0.data, $0.studies) = (cohort.tablePath, 7) }.count == 4)
        let failure = #expect(throws: AgreedFailure.self) {
            try lines { ($0.data, $0.studies) = (cohort.tablePath, 8) }
        }
        #expect(failure?.error.row == 9)
    }

    /// The fastest step is that of the arithmetic in which the machine trains.
    @Test func theFirstRankHoldsStudiesAgainstTheStepOfTheMachine() throws {
        let lines = try lines(ranks: 2) { _ in }
        #expect(lines.map(\.count) == [4, 0])
        let expected = try Engine.multipliesHalf() ? Precision.bf16 : .fp32
        for line in lines[0] { #expect(line["precision"]?.string == expected.rawValue) }
    }
}
