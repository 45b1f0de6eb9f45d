import AltaCore
import AltaFormats
import AltaTestSupport
import Foundation
import Testing

extension ComparedJobs {
    /// `alta-worker pretrain`: the trainer of `align` with another model, so what holds there holds here.
    @Suite struct Pretraining {
        @Test func sampleStudiesAtAnyRankCount() throws {
            let cohort = try SampleCohort.make(11)
            defer { cohort.remove() }
            var job = AlignJob.pretraining(cohort)
            job.settings["global_batch"] = 5
            try EqualRunCheck.expectEqualRuns(job, [(1, 0), (2, 0), (3, 1)], steps: EqualRunCheck.floatingSteps)
            job = AlignJob(
                folder: try SharedMaterial.temporaryFolder("exact"), settings: job.settings, command: "pretrain")
            defer { try? FileManager.default.removeItem(atPath: job.folder) }
            job.settings["deterministic"] = true
            try EqualRunCheck.expectSameRuns(job, [(1, 0), (1, 2), (3, 1), (7, 0)], steps: 5)
            job = AlignJob(
                folder: try SharedMaterial.temporaryFolder("half"), settings: job.settings, command: "pretrain")
            defer { try? FileManager.default.removeItem(atPath: job.folder) }
            job.settings["precision"] = "bf16"
            try EqualRunCheck.expectSameRuns(job, [(1, 0), (2, 2), (3, 1)], steps: 4)
        }

        @Test(.enabled(if: EqualRuns.hasRadiographs, "needs ../shared/radiographs"))
        func realRadiographsAtAnyRankCount() throws {
            let folder = try SharedMaterial.temporaryFolder("radiographs")
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let job = AlignJob(
                folder: folder,
                settings: [
                    "model": "alta-tiny", "global_batch": 14, "learning_rate": 0.001, "warmup_epochs": 0,
                    "epochs": 1000, "precision": "fp32", "deterministic": true,
                    "data": [
                        "train": .string(EqualRuns.radiographs ?? ""),
                        "vocabulary": .string(EqualRuns.vocabulary ?? ""),
                    ],
                ], command: "pretrain")
            try EqualRunCheck.expectSameRuns(job, [(1, 0), (2, 0), (3, 2)], steps: 4)
            let (first, last) = (try job.log("run-1-0").losses(1), try job.log("run-1-0").losses(4))
            for name in ["image_reconstruction", "masked_language"] {
                #expect(try #require(last[name]) < 0.99 * #require(first[name]), "\(name)")
            }
        }

        @Test func aResumedRunIsTheRunThatWasNeverStopped() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            var job = AlignJob.pretraining(cohort)
            job.settings["deterministic"] = true
            job.settings["data"] = [
                "train": .string(cohort.tablePath), "validation": .string(cohort.tablePath),
                "vocabulary": .string(cohort.vocabularyPath),
            ]
            expectDone(try job.run("whole", ranks: 2, ["steps=4"]))
            expectDone(try job.run("stopped", ranks: 3, ["steps=2"]))
            expectDone(try job.run("stopped", ranks: 1, ["steps=4", "micro_batch=1"]))
            #expect(try job.log("stopped").exactLines() == job.log("whole").exactLines())
            #expect(try job.trainable("stopped", step: 4) == job.trainable("whole", step: 4))
            let events = try ["whole", "stopped"].map { name in
                try job.log(name).events("validation").map { event in
                    try ["step", "studies", "loss", "image_reconstruction", "masked_language"].map {
                        try #require(event[$0]?.double)
                    }
                }
            }
            #expect(events[0] == events[1] && events[0].map { $0[0] } == [2, 4] && events[0][0][1] == 8)
            #expect(events[0][0][2] == events[0][0][3] + events[0][0][4] && events[0][0][2] != events[0][1][2])
        }

        /// The draws of held-out studies are those of epoch 0, so a model that does not change does not seem to.
        @Test func validationIsTheSameAfterEveryEpoch() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.pretraining(cohort)
            let changes = ["data.validation=\(cohort.tablePath)", "learning_rate=0", "dropout=0.5", "steps=4"]
            expectDone(try job.run("run", ranks: 2, changes))
            let losses = try job.log("run").events("validation").map { $0["loss"]?.double }
            #expect(losses.count == 2 && losses[0] != nil && losses[0] == losses[1])
            #expect(try job.log("run").losses(1) != job.log("run").losses(3))
        }

        @Test func aHeldOutRadiographThatCannotBeReadEndsNothing() throws {
            let (cohort, held) = (try SampleCohort.make(), try SampleCohort.make(5))
            defer {
                cohort.remove()
                held.remove()
            }
            try Data("no image".utf8).write(to: URL(filePath: held.imagePath(3)))
            let job = AlignJob.pretraining(cohort)
            let outcome = try job.run("run", ranks: 2, ["data.validation=\(held.tablePath)"])
            #expect(outcome.exitCode == 0 && outcome.errors.contains("no validation") && outcome.remaining == 0)
            #expect(try job.log("run").events("validation_failed").count == 1)
        }

        /// What a later stage reads: the published names, and the two tables of positions beside them.
        @Test func aRunFolderHoldsThePublishedNames() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.pretraining(cohort)
            expectDone(try job.run("run", ranks: 2))
            let trainable = try SafetensorsFile(path: "\(job.checkpoint("run", step: 2))/trainable.safetensors")
            for name in [
                "patch_embed.proj.weight", "blocks.1.attn.qkv.bias", "decoder_pred.weight", "bert_mlp.weight",
                "bert_encoder.model.bert.encoder.layer.1.attention.self.key.weight",
                "bert_encoder.model.cls.predictions.decoder.weight", "bert_encoder.model.cls.predictions.bias",
            ] { #expect(trainable.contains(name), "\(name)") }
            let names = trainable.names
            #expect(!names.contains { $0.contains("adapter") || $0.contains("pos_embed") || $0.contains("logit") })
            let frozen = try SafetensorsFile(path: "\(job.output("run"))/frozen.safetensors")
            #expect(Set(frozen.names) == ["pos_embed", "decoder_pos_embed"])
            let line = try #require(try job.log("run").steps[2])
            #expect(line["losses"]?.object?.members.map(\.key) == ["image_reconstruction", "masked_language"])
            #expect(line["logit_scales"]?.object?.count == 0)
            let config = try RunConfig.load(path: "\(job.output("run"))/config.json", stage: .pretrain)
            #expect(config.stage == .pretrain && config.scheduleEpochs == 200)
        }

        /// The published vocabulary of this stage has no [SEP].
        @Test func aVocabularyWithoutSeparatorServes() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            try cohort.writeVocabulary(SampleCohort.specials.filter { $0 != "[SEP]" } + SampleCohort.words)
            expectDone(try AlignJob.pretraining(cohort).run("run", ranks: 2))
            expectFault(try AlignJob.small(cohort).runAlone("aligned"), ["[SEP]", "vocab.txt"])
        }

        /// The sample's radiographs are noise: the real ones show that they are learnt from.
        @Test func itLearnsTheReports() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.pretraining(cohort)
            let changes = ["steps=150", "global_batch=8", "learning_rate=0.01", "dropout=0"]
            expectDone(try job.run("run", ranks: 2, changes))
            let log = try job.log("run")
            #expect(try #require(log.losses(150)["masked_language"]) < 0.5 * #require(log.losses(1)["masked_language"]))
        }

        @Test func theOtherStageIsRefused() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.pretraining(cohort)
            expectDone(try job.runAlone("run"))
            expectFault(
                try AlignJob.small(cohort).run("other", ranks: 2, ["output=\(job.output("run"))"]),
                ["of the stage pretrain", "step-"])
            expectFault(try job.runAlone("named", ["stage=align"]), ["of the stage align", "alta-worker align"])
            expectFault(try job.runAlone("adapters", ["trainable=adapters"]), ["trainable is adapters"])
            let evaluate = try JobRunner.runAlone("alta-worker", ["evaluate", "--checkpoint", job.output("run")])
            expectFault(evaluate, ["the checkpoint is of the stage pretrain", job.output("run"), "pretrained.vision"])
        }
    }
}
