import AltaCore
import AltaTestSupport
import Foundation
import Testing

extension ComparedJobs {
    /// A run from a pack is the run from its table, bit for bit.
    @Suite struct PackedRuns {
        private static func pack(_ cohort: SampleCohort, _ changes: [String] = []) throws -> String {
            let path = "\(cohort.folder)/train.pack"
            let outcome = try JobRunner.runAlone(
                "alta-data",
                [
                    "pack", cohort.tablePath, "--output", path, "--image-size", "64", "--vocabulary",
                    cohort.vocabularyPath,
                ]
                    + changes)
            expectDone(outcome)
            return path
        }

        @Test func equalsTheRunFromTheTable() throws {
            let cohort = try SampleCohort.make(11)
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            job.settings["global_batch"] = 5
            job.settings["deterministic"] = true
            let pack = try Self.pack(cohort)
            let validation = { (path: String) in "data.validation=\(path)" }
            expectDone(try job.run("table", ranks: 2, ["steps=5", validation(cohort.tablePath)]))
            for (name, ranks, microBatch) in [("packed-1", 1, 0), ("packed-2", 2, 1), ("packed-3", 3, 0)] {
                expectDone(
                    try job.run(
                        name, ranks: ranks,
                        ["steps=5", "micro_batch=\(microBatch)", "data.train=\(pack)", validation(pack)]))
                #expect(try job.log(name).exactLines() == job.log("table").exactLines(), "\(name)")
                #expect(try job.trainable(name, step: 5) == job.trainable("table", step: 5), "\(name)")
                func measured(_ run: String) throws -> [JSONValue] {
                    try job.log(run).events("validation").compactMap { $0["image_to_text"] }
                }
                #expect(try measured(name) == measured("table") && !measured(name).isEmpty, "\(name)")
            }
        }

        @Test func continuesACheckpointOfTheTable() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let pack = try Self.pack(cohort)
            expectDone(try job.run("whole", ranks: 1, ["steps=4"]))
            expectDone(try job.run("changed", ranks: 1, ["steps=2"]))
            expectDone(try job.run("changed", ranks: 2, ["steps=4", "data.train=\(pack)"]))
            #expect(try job.log("changed").exactLines() == job.log("whole").exactLines())
            #expect(try job.trainable("changed", step: 4) == job.trainable("whole", step: 4))
        }

        @Test func packsThatDoNotFitAreRefused() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let pack = try Self.pack(cohort, ["--for", "training"])
            let train = "data.train=\(pack)"
            expectFault(
                try job.run("size", ranks: 2, [train, "model.image_size=32"]),
                ["another model", pack, "--image-size 32"])
            expectFault(
                try job.run("scaling", ranks: 1, [train, "data.dicom_scaling=mimic"]), ["scaling of DICOM", pack])
            expectFault(
                try job.run("use", ranks: 2, [train, "data.validation=\(pack)"]), ["no images for evaluation", pack])
            expectFault(
                try AlignJob.pretraining(cohort).run("stage", ranks: 2, [train]),
                ["pretraining cannot use a pack", pack, "give the CSV"])
            try cohort.writeVocabulary(SampleCohort.specials + SampleCohort.words + ["more"])
            expectFault(try job.run("words", ranks: 1, [train]), ["another vocabulary", pack])
        }

        /// A study that is damaged is found when its step comes; the run ends on every rank with one message.
        @Test func damageIsFoundWhenItIsRead() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let pack = try Self.pack(cohort)
            var bytes = try Data(contentsOf: URL(filePath: pack))
            bytes[bytes.count - 3] ^= 4
            try bytes.write(to: URL(filePath: pack))
            expectFault(
                try job.run("damaged", ranks: 2, ["data.train=\(pack)", "steps=5"]),
                ["the pack is damaged", pack, "row 9", "alta-data pack"])
            try bytes.dropLast(100).write(to: URL(filePath: pack))
            expectFault(
                try job.run("short", ranks: 2, ["data.train=\(pack)"]), ["the pack is damaged", "bytes and has"])
        }
    }
}
