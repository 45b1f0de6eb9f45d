import AltaCore
import AltaTensor
import AltaTestSupport
import AltaTrain
import Foundation
import Testing

@Suite struct LoaderBenchmarkTests {
    private func lines(_ change: (inout LoaderBenchmark.Options) -> Void) throws -> [JSONObject] {
        var options = LoaderBenchmark.Options()
        options.model.imageSize = 32
        (options.studies, options.steps, options.radiographSize) = (5, 2, 64)
        change(&options)
        var lines: [JSONObject] = []
        try LoaderBenchmark.run(options, engine: try Engine(threads: 1), notice: { _ in }, emit: { lines.append($0) })
        return lines
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
        WorkerJobs.expectDone(try JobRunner.runAlone("alta-data", arguments))
        let packed = try lines { ($0.data, $0.vocabulary) = (pack, cohort.vocabularyPath) }
        #expect(packed.map { $0["source"]?.string } == ["pack", "pack"])
        #expect(try lines { $0.data = cohort.tablePath }.count == 4)
        let error = #expect(throws: AltaError.self) {
            try lines { options in
                (options.data, options.vocabulary, options.model.imageSize) = (pack, cohort.vocabularyPath, 48)
            }
        }
        #expect(error?.file == pack)
    }
}
