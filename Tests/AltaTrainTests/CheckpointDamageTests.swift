import AltaCore
import AltaTestSupport
import AltaTrain
import Foundation
import Testing

extension ComparedJobs {
    /// Files of a checkpoint that are not as they were written.
    @Suite struct DamagedCheckpoints {
        private static let files = ["complete.json", "state.json", "trainable.safetensors", "optimizer.safetensors"]

        /// A run of four steps with checkpoints of steps 2 and 4.
        private static func run(_ cohort: SampleCohort) throws -> AlignJob {
            var job = AlignJob.small(cohort)
            job.settings["steps"] = 4
            job.settings["deterministic"] = true
            expectDone(try job.runAlone("run", ["checkpoint_every=2"]))
            return job
        }

        /// Any bit of any byte: all of the small files, many of the large ones, their headers and ends too.
        @Test func anyByteFlipped() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let step = try Self.run(cohort).checkpoint("run", step: 4)
            #expect(try Checkpoint.open(step).step == 4)
            for name in Self.files {
                let path = "\(step)/\(name)"
                let whole = try Data(contentsOf: URL(filePath: path))
                #expect(!whole.isEmpty)
                var places = Array(whole.indices)
                if places.count > 5000 {
                    places = Array(0..<16) + [whole.count - 1] + (0..<300).map { _ in .random(in: 0..<whole.count) }
                }
                let handle = try FileHandle(forUpdating: URL(filePath: path))
                for place in places {
                    let byte = whole[place] ^ UInt8(1) << UInt8.random(in: 0..<8)
                    try Self.put(byte, at: place, handle)
                    #expect(throws: AltaError.self, "\(name), byte \(place)") { try Checkpoint.open(step) }
                    try Self.put(whole[place], at: place, handle)
                }
                try handle.close()
            }
            #expect(try Checkpoint.open(step).step == 4)
        }

        private static func put(_ byte: UInt8, at place: Int, _ handle: FileHandle) throws {
            try handle.seek(toOffset: UInt64(place))
            try handle.write(contentsOf: Data([byte]))
        }

        /// Cut short, longer, empty or gone: told, passed over, and written again.
        @Test(arguments: files) func anyFileCutOrGone(name: String) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = try Self.run(cohort)
            let last = try job.trainable("run", step: 4)
            let path = "\(job.checkpoint("run", step: 4))/\(name)"
            let whole = try Data(contentsOf: URL(filePath: path))
            for content in [whole.dropLast(), whole + Data([0]), whole.prefix(whole.count / 2), Data(), nil] {
                try content?.write(to: URL(filePath: path)) ?? FileManager.default.removeItem(atPath: path)
                #expect(throws: AltaError.self) { try Checkpoint.open(job.checkpoint("run", step: 4)) }
            }
            let outcome = try job.run("run", ranks: 2)
            expectDone(outcome)
            #expect(outcome.output.contains("passing over a checkpoint") && outcome.output.contains(name))
            #expect(try job.log("run").events("start").last?["first_step"]?.int == 3)
            #expect(try Checkpoint.open(job.checkpoint("run", step: 4)).step == 4)
            #expect(try job.trainable("run", step: 4) == last)
            #expect(try job.folderNames("run", prefix: "superseded-") == ["superseded-step-00000004"])
        }

        /// Without any checkpoint that is whole the run starts afresh, and says why.
        @Test func nothingWhole() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = try Self.run(cohort)
            for step in [2, 4] {
                try Data().write(to: URL(filePath: "\(job.checkpoint("run", step: step))/trainable.safetensors"))
            }
            let outcome = try job.run("run", ranks: 2)
            expectDone(outcome)
            #expect(outcome.output.components(separatedBy: "passing over a checkpoint").count == 3)
            #expect(try job.log("run").events("start").last?["first_step"]?.int == 1)
        }

        /// What the file system does not give is not damage: the run neither starts afresh nor takes an older checkpoint, and
        /// may be started again.
        @Test(arguments: files, [1, 3]) func whatCannotBeReadIsNotPassedOver(name: String, ranks: Int) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = try Self.run(cohort)
            let path = "\(job.checkpoint("run", step: 4))/\(name)"
            try FileManager.default.moveItem(atPath: path, toPath: "\(cohort.folder)/aside")
            // A link to itself: whoever opens it is refused, whatever their rights.
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path)
            let outcome = try job.run("run", ranks: ranks, ["steps=6"])
            expectFault(outcome, ["Too many levels of symbolic links"], exitCode: 75)
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.moveItem(atPath: "\(cohort.folder)/aside", toPath: path)
            expectDone(try job.run("run", ranks: ranks, ["steps=6"]))
            #expect(try job.log("run").events("start").last?["first_step"]?.int == 5)
        }

        /// One of an earlier version has no checksums, and is gone on from as before.
        @Test func withoutChecksums() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            var job = try Self.run(cohort)
            let folder = job.checkpoint("run", step: 4)
            try FileManager.default.removeItem(atPath: "\(folder)/complete.json")
            let state = try String(contentsOfFile: "\(folder)/state.json", encoding: .utf8)
            let lines = state.split(separator: "\n").filter { !$0.contains("\"checksums\"") }
            try lines.joined(separator: "\n").write(toFile: "\(folder)/state.json", atomically: true, encoding: .utf8)
            #expect(try Checkpoint.open(folder).step == 4)
            job.settings["steps"] = 6
            expectDone(try job.run("run", ranks: 2))
            #expect(try job.log("run").events("start").last?["first_step"]?.int == 5)
            expectDone(try job.runAlone("whole"))
            #expect(try job.trainable("run", step: 6) == job.trainable("whole", step: 6))
        }
    }
}
