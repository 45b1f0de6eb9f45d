import AltaCore
import AltaData
import AltaTestSupport
import Foundation
import Testing

/// `alta-data pack` as users call it.
@Suite(.enabled(if: BuiltDataCommand.isThere), .serialized)
struct PackCommandTests {
    private func arguments(_ sample: PackSample) -> [String] {
        [
            "pack", sample.tablePath, "--output", sample.packPath, "--image-root", sample.imageRoot, "--vocabulary",
            sample.vocabularyPath, "--image-size", "\(PackSample.imageSize)",
        ]
    }

    @Test func packsAndSaysWhatItDid() throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        let outcome = try JobRunner.runAlone("alta-data", arguments(sample) + ["--threads", "3"])
        #expect(outcome.exitCode == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
        #expect(outcome.output.contains("\(PackSample.images.count) studies"))
        let bytes = try sample.bytes()
        try sample.pack()
        #expect(try sample.bytes() == bytes)
    }

    /// Killed again and again, each time a little later: the file is the undisturbed one, and nothing was done twice.
    @Test func aKilledPackGoesOn() throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        var options = sample.options
        let csv = try String(contentsOfFile: sample.tablePath, encoding: .utf8)
        let rows = csv.split(separator: "\n", maxSplits: 1)
        let many = String(rows[0]) + "\n" + String(repeating: String(rows[1]), count: 20)
        try many.write(toFile: sample.tablePath, atomically: true, encoding: .utf8)
        options.output += ".whole"
        try sample.pack(options)
        let whole = try Data(contentsOf: URL(filePath: options.output))
        let partial = sample.packPath + ".partial"
        func size() -> Int {
            ((try? FileManager.default.attributesOfItem(atPath: partial))?[.size] as? Int) ?? 0
        }
        for part in 1...3 {
            let job = try RunningJob.start(JobRunner.program("alta-data"), arguments(sample))
            #expect(job.wait { size() > part * whole.count / 8 })
            kill(job.identifier, SIGKILL)
            _ = job.finish()
            #expect(!FileManager.default.fileExists(atPath: sample.packPath), "it ended before it was killed")
        }
        let outcome = try JobRunner.runAlone("alta-data", arguments(sample))
        #expect(outcome.exitCode == 0 && outcome.errors.contains("continuing behind study"), "\(outcome.errors)")
        #expect(try Data(contentsOf: URL(filePath: sample.packPath)) == whole)
    }

    @Test func wrongUsageIsTold() throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        let help = try JobRunner.runAlone("alta-data", ["pack", "--help"])
        #expect(help.exitCode == 0 && help.output.contains("alta-data pack cohort/train.csv"))
        for (change, part) in [
            (["--for", "trainin"], "did you mean training?"), (["--image-size", "0"], "--image-size is 0"),
            (["--threads", "no"], "--threads is no"), (["--dicom-scaling", "x"], "published or mimic"),
        ] {
            let outcome = try JobRunner.runAlone(
                "alta-data",
                arguments(sample).filter { $0 != "--image-size" && $0 != "\(PackSample.imageSize)" } + change)
            #expect(outcome.exitCode == 2 && outcome.errorLines.count == 1 && outcome.errors.contains(part))
        }
        let missing = try JobRunner.runAlone("alta-data", ["pack", sample.tablePath])
        #expect(missing.exitCode == 2 && missing.errors.contains("--output"))
        let absent = try JobRunner.runAlone("alta-data", ["pack", "/absent.csv", "--output", sample.packPath])
        #expect(absent.exitCode == 1 && absent.errors.contains("/absent.csv"))
    }
}
