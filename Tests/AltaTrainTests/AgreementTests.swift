import AltaCore
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

        /// A folder of that name holds other numbers, in files without checksums, as earlier versions wrote them.
        @Test(arguments: [
            ("trainable.safetensors", "weights to train"),
            ("optimizer.safetensors", "weights and moments to go on from"),
        ])
        func checkpointsAreCompared(file: String, what: String) throws {
            let job = try TwoFolders()
            defer { job.remove() }
            expectDone(try job.run(["steps=1"]))
            let folder = try job.copyCheckpoint(changing: file)
            try FileManager.default.removeItem(atPath: "\(folder)/complete.json")
            let state = try #require(
                try JSONValue(parsing: String(contentsOfFile: "\(folder)/state.json", encoding: .utf8)).object)
            var plain = JSONObject()
            for member in state.members where member.key != "checksums" { plain[member.key] = member.value }
            try JSONValue.object(plain).text()
                .write(toFile: "\(folder)/state.json", atomically: true, encoding: .utf8)
            expectFault(try job.run(["steps=2"]), ["ranks have different \(what)", "rank 1"])
        }

        /// A checkpoint that is whole for rank 0, which chooses it, and damaged or not there for rank 1.
        @Test(arguments: [true, false]) func aCheckpointThatOneRankCannotOpenIsTold(isThere: Bool) throws {
            let job = try TwoFolders()
            defer { job.remove() }
            expectDone(try job.run(["steps=1"]))
            let folder = try job.copyCheckpoint(changing: "trainable.safetensors")
            if !isThere { try FileManager.default.removeItem(atPath: folder) }
            let outcome = try job.run(["steps=2"])
            let what = isThere ? "the checkpoint is damaged" : "the checkpoint that rank 0 goes on from is not here"
            #expect(outcome.exitCode == 1 && outcome.remaining == 0, "\(outcome.errors)")
            #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
            #expect(outcome.errors.contains(what) && outcome.errors.contains("rank 1"), "\(outcome.errors)")
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

        /// Gives rank 1 the run folder of rank 0, with another bit in a file of its checkpoint; the checkpoint's folder.
        func copyCheckpoint(changing file: String) throws -> String {
            try FileManager.default.copyItem(atPath: "\(folders[0])/run", toPath: "\(folders[1])/run")
            let folder = "\(folders[1])/run/checkpoints/step-00000001"
            let path = URL(filePath: "\(folder)/\(file)")
            var bytes = try Data(contentsOf: path)
            bytes[bytes.count - 3] ^= 1
            try bytes.write(to: path)
            return folder
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
