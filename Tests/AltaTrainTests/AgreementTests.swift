import AltaTestSupport
import Foundation
import Testing

extension WorkerJobs {
    /// Ranks that do not run the same: found at start-up, and the rank named. Each rank has a folder of its own, in which
    /// the same names stand for other files.
    @Suite struct Agreement {
        @Test func programsAreCompared() throws {
            let job = try TwoFolders()
            defer { job.remove() }
            let other = "\(job.folders[1])/alta-worker"
            try FileManager.default.copyItem(atPath: JobRunner.program("alta-worker"), toPath: other)
            try append("\n", to: other)
            expectFault(
                try job.run(["steps=1"], programs: [JobRunner.program("alta-worker"), other]),
                ["ranks have different programs", "rank 1"])
        }

        @Test(arguments: [("train.csv", "data"), ("vocab.txt", "data"), ("valid.csv", "validation data")])
        func dataAreCompared(file: String, what: String) throws {
            let job = try TwoFolders()
            defer { job.remove() }
            let path = "\(job.folders[1])/\(file)"
            let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            try (lines.dropLast().joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
            expectFault(try job.run(["steps=1"]), ["ranks have different \(what) ", "rank 1"])
        }

        @Test(arguments: [
            ("trainable.safetensors", "weights to train"),
            ("optimizer.safetensors", "weights and moments to go on from"),
        ])
        func checkpointsAreCompared(file: String, what: String) throws {
            let job = try TwoFolders()
            defer { job.remove() }
            expectDone(try job.run(["steps=1"]))
            let name = "run/checkpoints/step-00000001"
            try FileManager.default.copyItem(atPath: "\(job.folders[0])/run", toPath: "\(job.folders[1])/run")
            let path = "\(job.folders[1])/\(name)/\(file)"
            var bytes = try Data(contentsOf: URL(filePath: path))
            bytes[bytes.count - 3] ^= 1
            try bytes.write(to: URL(filePath: path))
            expectFault(try job.run(["steps=2"]), ["ranks have different \(what)", "rank 1"])
        }

        private func append(_ text: String, to path: String) throws {
            let file = try #require(FileHandle(forWritingAtPath: path))
            try file.seekToEnd()
            try file.write(contentsOf: Data(text.utf8))
            try file.close()
        }
    }

    /// A cohort whose tables and vocabulary stand in a folder for each of two ranks.
    private struct TwoFolders {
        let cohort: SampleCohort
        let folders: [String]

        init() throws {
            cohort = try SampleCohort.make()
            folders = try (0..<2).map { _ in try SharedMaterial.temporaryFolder("rank") }
            for folder in folders {
                for (name, path) in [
                    ("train.csv", cohort.tablePath), ("valid.csv", cohort.tablePath),
                    ("vocab.txt", cohort.vocabularyPath),
                ] {
                    try FileManager.default.copyItem(atPath: path, toPath: "\(folder)/\(name)")
                }
            }
        }

        func remove() {
            cohort.remove()
            for folder in folders { try? FileManager.default.removeItem(atPath: folder) }
        }

        func run(_ settings: [String], programs: [String]? = nil) throws -> JobOutcome {
            let keys = [
                "model=alta-tiny", "data.train=train.csv", "data.validation=valid.csv", "data.vocabulary=vocab.txt",
                "data.image_root=\(cohort.folder)", "output=run", "global_batch=4",
            ]
            let arguments = ["align"] + (keys + settings).flatMap { ["--set", $0] }
            let parts = folders.indices.map { rank in
                ["-n", "1", "-wdir", folders[rank], programs?[rank] ?? JobRunner.program("alta-worker")] + arguments
            }
            return try RunningJob.start(
                JobRunner.mpirun ?? "mpirun", JobRunner.mpirunOptions + Array(parts.joined(separator: [":"]))
            ).finish()
        }
    }
}
