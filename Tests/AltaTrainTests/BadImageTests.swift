import AltaCore
import AltaData
import AltaTestSupport
import Foundation
import Testing

/// A way to spoil a radiograph, and what the message must say of it.
enum BadImage: String, CaseIterable, Sendable {
    case truncated, empty, noise, claimsTooMuch, folder

    /// Puts it in the place of the file at `path`.
    func spoil(_ path: String) throws {
        let files = FileManager.default
        switch self {
        case .truncated:
            let whole = try Data(contentsOf: URL(filePath: SharedMaterial.fixture("images/colour_444.jpg")))
            try whole.prefix(whole.count * 2 / 3).write(to: URL(filePath: path))
        case .empty: try Data().write(to: URL(filePath: path))
        case .noise:
            let key = RandomKey(seed: 3, purpose: .test)
            try Data((0..<4000).map { UInt8(truncatingIfNeeded: key.word($0)) }).write(to: URL(filePath: path))
        case .claimsTooMuch:
            try files.removeItem(atPath: path)
            try files.copyItem(atPath: SharedMaterial.fixture("images/huge_refused.png"), toPath: path)
        case .folder:
            try files.removeItem(atPath: path)
            try files.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
    }

    var message: String {
        switch self {
        case .truncated: "truncated or damaged"
        case .empty: "image is empty"
        case .noise: "neither JPEG nor PNG"
        case .claimsTooMuch: "60000 x 60000"
        case .folder: "no file"
        }
    }
}

extension WorkerJobs {
    /// A radiograph that cannot be read ends the whole job with one line, whoever meets it and when.
    @Suite struct BadImages {
        /// A study of the first epoch that a rank prepares in a step.
        private static func study(_ cohort: SampleCohort, step: Int, rank: Int, ranks: Int) throws -> Int {
            let costs = try StudyTable.load(csvPath: cohort.tablePath).costs()
            var plan = try BatchPlan(costs: costs, globalBatch: 4, seed: 1, rankCount: ranks)
            let step = plan.step(step)
            return step.studies[try #require(step.shares[rank].first)].row
        }

        @Test(arguments: [(0, 0), (0, 1), (1, 0), (1, 1)])
        func theRankThatMeetsItTellsIt(step: Int, rank: Int) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let study = try Self.study(cohort, step: step, rank: rank, ranks: 2)
            try BadImage.truncated.spoil(cohort.imagePath(study))
            let job = AlignJob.small(cohort)
            expectFault(
                try job.run("run", ranks: 2),
                [BadImage.truncated.message, cohort.imagePath(study), "row \(study + 2)", "rank \(rank)"])
            #expect(try job.log("run").steps.count == step)
        }

        @Test(arguments: BadImage.allCases) func everyKindIsTold(kind: BadImage) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            try kind.spoil(cohort.imagePath(3))
            let job = AlignJob.small(cohort)
            expectFault(try job.run("run", ranks: 2), [kind.message, cohort.imagePath(3), "row 5", "rank "])
        }

        @Test func aMissingFileIsFoundBeforeTheFirstStep() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            try FileManager.default.removeItem(atPath: cohort.imagePath(7))
            expectFault(
                try AlignJob.small(cohort).run("run", ranks: 2),
                ["no file \(cohort.imagePath(7))", cohort.tablePath, "row 9", "data.image_root"])
        }

        /// One that goes away while the run is under way.
        @Test func aFileThatVanishesIsTold() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let running = try JobRunner.start("alta-worker", ranks: 2, try job.arguments("run", ["steps=100000"]))
            #expect(running.wait { (try? job.log("run"))?.steps.count ?? 0 > 2 })
            try FileManager.default.removeItem(atPath: cohort.imagePath(1))
            expectFault(running.finish(limitSeconds: 20), [cohort.imagePath(1), "row 3", "rank "])
        }

        @Test func anImageNamedAsAnotherFormatIsRead() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let files = FileManager.default
            for (study, name) in [(0, "images/png_named.jpg"), (1, "images/jpeg_named.png")] {
                try files.removeItem(atPath: cohort.imagePath(study))
                try files.copyItem(atPath: SharedMaterial.fixture(name), toPath: cohort.imagePath(study))
            }
            expectDone(try AlignJob.small(cohort).run("run", ranks: 2))
        }

        @Test(arguments: [1, 2]) func evaluationTellsItToo(ranks: Int) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            try BadImage.empty.spoil(cohort.imagePath(3))
            let arguments = try AlignJob.small(cohort).arguments("run")
            expectFault(
                try JobRunner.run("alta-worker", ranks: ranks, ["evaluate"] + arguments.dropFirst()),
                [BadImage.empty.message, cohort.imagePath(3), "row 5", "rank \(3 % ranks)"])
        }
    }
}
