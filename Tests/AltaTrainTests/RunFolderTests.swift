import AltaCore
import AltaFormats
import AltaTestSupport
import Foundation
import Testing

extension WorkerJobs {
    /// What a run leaves in its folder is what other programs rely on.
    @Suite struct RunFolders {
        @Test func logConfigurationAndCheckpoints() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            job.settings["checkpoint_every"] = 2
            job.settings["steps"] = 5
            let outcome = try job.run("run", ranks: 3)
            expectDone(outcome)
            #expect(outcome.output.contains("step 5/5") && outcome.output.contains("masked_language"))
            let log = try job.log("run")
            #expect(log.steps.keys.sorted() == [1, 2, 3, 4, 5])
            for line in log.lines { expectFinite(line) }
            for (step, line) in log.steps { try expectStep(line, step) }
            expectEvents(log, job)
            let path = "\(job.output("run"))/config.json"
            let written = try RunConfig.load(path: path)
            var given = try RunConfig.load(path: "\(job.folder)/run.json")
            given.model.vocabulary = SampleCohort.specials.count + SampleCohort.words.count
            #expect(written == given)
            let frozen = try SafetensorsFile(path: "\(job.output("run"))/frozen.safetensors")
            let trainable = try SafetensorsFile(
                path: "\(job.checkpoint("run", step: 5))/trainable.safetensors")
            #expect(Set(frozen.names).isDisjoint(with: trainable.names) && !trainable.names.isEmpty)
        }

        private func expectStep(_ line: JSONValue, _ step: Int) throws {
            let keys = try #require(line.object).keys
            #expect(
                keys == [
                    "step", "epoch", "studies_hash", "draws_hash", "loss", "losses", "learning_rate", "logit_scales",
                    "gradient_norm",
                    "gflop", "studies_per_second", "seconds", "communication_wait", "ranks",
                ])
            // All steps but the lengths of their reports are alike; none is free.
            #expect((line["gflop"]?.double ?? 0) > 0)
            #expect(
                line["losses"]?.object?.keys == [
                    "global_contrastive", "local_contrastive", "image_reconstruction", "masked_language",
                ])
            #expect(
                line["seconds"]?.object?.keys == ["data", "forward", "loss", "backward", "communication", "update"])
            let losses = line["losses"]?.object?.members.compactMap(\.value.double) ?? []
            #expect(losses.reduce(0, +) == line["loss"]?.double)
            #expect(line["epoch"]?.double == Double(step - 1) / 2)
            let scales = line["logit_scales"]?.object?.members.compactMap(\.value.double) ?? []
            #expect(scales.count == 4 && scales.allSatisfy { (1...100.001).contains($0) })
        }

        private func expectEvents(_ log: RunLog, _ job: AlignJob) {
            #expect(log.lines.first?["event"]?.string == "start" && log.lines.last?["event"]?.string == "end")
            #expect(log.events("start").first?["ranks"]?.int == 3)
            #expect(log.events("checkpoint").map { $0["step"]?.int } == [2, 4, 5])
            #expect(log.events("checkpoint").last?["path"]?.string == job.checkpoint("run", step: 5))
            #expect(log.events("end").first?["step"]?.int == 5)
        }

        private func expectFinite(_ value: JSONValue) {
            switch value {
            case .number(let number): #expect(number.isFinite)
            case .array(let values): values.forEach(expectFinite)
            case .object(let object): object.members.map(\.value).forEach(expectFinite)
            default: break
            }
        }

        /// Random frozen weights are needed to evaluate; a run that went on from another folder has them too.
        @Test func aRunThatWentOnFromElsewhereIsWhole() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectDone(try job.run("first", ranks: 1))
            expectDone(try job.run("second", ranks: 2, ["resume=\(job.output("first"))", "steps=3"]))
            let frozen = try ["first", "second"].map {
                try Data(contentsOf: URL(filePath: "\(job.output($0))/frozen.safetensors"))
            }
            #expect(frozen[0] == frozen[1])
        }

        @Test func validationIsLoggedEachEpoch() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectDone(try job.run("run", ranks: 2, ["data.validation=\(cohort.tablePath)", "steps=4"]))
            let events = try job.log("run").events("validation")
            #expect(events.map { $0["step"]?.int } == [2, 4])
            #expect(events.allSatisfy { $0["image_to_text"]?["recall_10"]?.double != nil })
        }

        @Test func aMissingValidationImageIsFoundAtTheStart() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            try cohort.write(
                SampleCohort.header + "\nnone.png,-1,-1,-1,the heart\n", to: "\(cohort.folder)/valid.csv")
            let job = AlignJob.small(cohort)
            let outcome = try job.run("run", ranks: 2, ["data.validation=\(cohort.folder)/valid.csv"])
            expectFault(outcome, ["none.png", "row 2", "valid.csv"])
            #expect(!FileManager.default.fileExists(atPath: "\(job.output("run"))/log.jsonl"))
        }
    }
}
