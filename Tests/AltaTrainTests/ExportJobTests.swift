import AltaCore
import AltaFormats
import AltaModel
import AltaTestSupport
import Foundation
import Testing

extension ComparedJobs {
    /// Weights into runs and out of them, by the commands.
    @Suite struct Export {
        private func export(_ arguments: [String]) throws -> JobOutcome {
            try JobRunner.runAlone("alta-worker", ["export"] + arguments)
        }

        /// A trained run with a cohort beside it, for all tests that only read it.
        private func trained() throws -> (cohort: SampleCohort, job: AlignJob) { try Export.trainedRun.get() }

        private static let trainedRun = Result {
            let cohort = try SampleCohort.make(8)
            let job = AlignJob.small(cohort)
            expectDone(try job.run("run", ranks: 1))
            return (cohort, job)
        }

        private func evaluate(_ job: AlignJob, _ options: [String]) throws -> String {
            let outcome = try JobRunner.runAlone(
                "alta-worker", ["evaluate", try job.arguments("run")[1], "--json"] + options)
            expectDone(outcome)
            return outcome.output
        }

        /// A run out as file and as folder, the file in again and out again: the same tensors, and the same retrieval.
        @Test func roundTrip() throws {
            let (_, job) = try trained()
            let (file, again, folder) = (
                job.output("out.safetensors"), job.output("again.safetensors"), job.output("model")
            )
            expectDone(try export(["--checkpoint", job.output("run"), "--output", file]))
            expectDone(
                try export([
                    "--config", file, "--vision", file, "--text", file, "--set", "seed=9", "--output", again,
                ]))
            #expect(try Data(contentsOf: URL(filePath: file)) == Data(contentsOf: URL(filePath: again)))
            expectDone(
                try export(["--checkpoint", job.output("run"), "--folder", folder, "--licence", "CC BY 4.0"]))
            let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            #expect(
                names == [
                    "README.md", "config.json", "model.safetensors", "preprocessor_config.json",
                    "tokenizer_config.json", "vocab.txt",
                ])
            #expect(
                try Data(contentsOf: URL(filePath: "\(folder)/model.safetensors"))
                    == Data(contentsOf: URL(filePath: file)))
            let scores = try evaluate(job, ["--checkpoint", job.output("run")])
            for source in [folder, job.output("run")] {
                let options = ["pretrained.vision=\(source)", "pretrained.text=\(source)", "seed=9"]
                #expect(try evaluate(job, options.flatMap { ["--set", $0] }) == scores, "\(source)")
            }
        }

        @Test func theModelCardAndItsNeighbours() throws {
            let (cohort, job) = try trained()
            let folder = job.output("carded")
            expectDone(try export(["--checkpoint", job.output("run"), "--folder", folder, "--licence", "CC BY 4.0"]))
            let card = try String(contentsOfFile: "\(folder)/README.md", encoding: .utf8)
            let state = try JSONValue(
                parsing: String(contentsOfFile: "\(job.checkpoint("run", step: 2))/state.json", encoding: .utf8))
            let hash = try #require(state["data_hash"]?.string)
            for part in ["studies: 8", hash, "steps: 2", "Licence: CC BY 4.0", "pretrained files: none", "govern"] {
                #expect(card.contains(part), "\(part)")
            }
            for row in cohort.rows { #expect(!card.contains(row.report) && !card.contains(row.views[0])) }
            let pixels = try JSONValue(
                parsing: String(contentsOfFile: "\(folder)/preprocessor_config.json", encoding: .utf8))
            #expect(
                pixels["image_mean"] == [0.4785, 0.4785, 0.4785] && pixels["image_std"] == [0.2834, 0.2834, 0.2834])
            #expect(pixels["crop_size"]?["height"]?.int == 64 && pixels["size"]?["shortest_edge"]?.int == 73)
            let config = try JSONValue(parsing: String(contentsOfFile: "\(folder)/config.json", encoding: .utf8))
            #expect(config["vocab_size"]?.int == 29 && config["alta"]?["vision_depth"]?.int == 2)
            expectFault(
                try export(["--checkpoint", job.output("run"), "--folder", folder]), ["not empty", folder])
        }

        @Test func adaptersAlone() throws {
            let (_, job) = try trained()
            let file = job.output("adapters.safetensors")
            expectDone(try export(["--checkpoint", job.output("run"), "--adapters-only", "--output", file]))
            let (found, wanted) = (
                try SafetensorsFile(path: file),
                try SafetensorsFile(path: "\(job.checkpoint("run", step: 2))/trainable.safetensors")
            )
            #expect(found.names == wanted.names)
            for name in found.names { #expect(try found.floats(name) == wanted.floats(name), "\(name)") }
            expectDone(try job.run("all", ranks: 1, ["trainable=all"]))
            expectFault(
                try export(["--checkpoint", job.output("all"), "--adapters-only", "--output", file]),
                ["trained every weight"])
        }

        /// A run that begins with files trains on them, goes on with them alone, and can be begun with in turn.
        @Test func aRunFromPretrainedFiles() throws {
            let cohort = try SampleCohort.make(8)
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            var model = try ModelConfig(json: .object(AlignJob.smallModel))
            model.vocabulary = SampleCohort.specials.count + SampleCohort.words.count
            let (vision, text) = (job.output("vision.safetensors"), job.output("text.safetensors"))
            let file = try PublishedFile.pretrained(.vision, model)
            try file.write(vision)
            try PublishedFile.pretrained(.text, model).write(text)
            job.settings["pretrained"] = ["vision": .string(vision), "text": .string(text)]
            let outcome = try job.run("run", ranks: 2)
            expectDone(outcome)
            #expect(outcome.output.contains("weights: pretrained.vision \(vision)"))
            let start = try #require(try job.log("run").events("start").first)
            #expect(start["pretrained"]?.array?.first?["loaded"]?.int == file.tensors.count)
            // What a file gave is not written into the run folder; what was drawn, is.
            let frozen = try SafetensorsFile(path: "\(job.output("run"))/frozen.safetensors")
            #expect(frozen.contains("bert_embed.weight") && !frozen.contains("blocks.0.attn.qkv.weight"))
            let whole = job.output("whole.safetensors")
            expectDone(try export(["--checkpoint", job.output("run"), "--output", whole]))
            #expect(
                try SafetensorsFile(path: whole).floats("blocks.0.attn.qkv.weight")
                    == file.tensors["blocks.0.attn.qkv.weight"]?.values)
            let scores = try evaluate(job, ["--checkpoint", job.output("run")])
            let again = ["pretrained.vision=\(job.output("run"))", "pretrained.text=\(job.output("run"))"]
            #expect(try evaluate(job, again.flatMap { ["--set", $0] }) == scores)

            var changed = file
            changed.tensors["blocks.0.attn.qkv.weight"]?.values[0] += 1
            try changed.write(vision)
            expectFault(try job.run("run", ranks: 2, ["steps=3"]), ["frozen weights", "pretrained files"])
            expectFault(
                try job.run("next", ranks: 1, again), ["have changed", "bring back the file"])
            try FileManager.default.removeItem(atPath: vision)
            expectFault(try job.run("run", ranks: 2, ["steps=3"]), ["pretrained.vision", "no such file"])
        }

        /// What was pretrained is aligned, from the run's folder; and it goes out under the names of its stage.
        @Test func aPretrainedRunIsAligned() throws {
            let cohort = try SampleCohort.make(4)
            defer { cohort.remove() }
            expectDone(try AlignJob.pretraining(cohort).runAlone("before"))
            let job = AlignJob.small(cohort)
            let before = job.output("before")
            let outcome = try job.runAlone("run", ["pretrained.vision=\(before)"])
            expectDone(outcome)
            #expect(outcome.output.contains("(of the other encoder)"))
            let (mrm, alta) = (job.output("mrm.safetensors"), job.output("alta.safetensors"))
            expectDone(try export(["--checkpoint", before, "--output", mrm]))
            expectDone(try export(["--checkpoint", job.output("run"), "--output", alta]))
            let (first, second) = (try PublishedFile.read(mrm).tensors, try PublishedFile.read(alta).tensors)
            for name in ["patch_embed.proj.weight", "pos_embed", "blocks.1.mlp.fc2.bias", "decoder_pos_embed"] {
                #expect(first[name]?.values == second[name]?.values && first[name] != nil, "\(name)")
            }
            #expect(first["bert_encoder.model.cls.predictions.decoder.weight"] != nil && first["bert_mlp.bias"] != nil)
            expectFault(
                try job.runAlone("heads", ["pretrained.vision=\(before)", "model.vision_heads=4"]), ["vision_heads"])
        }

        /// What stands where the folder should be is never lost, and a slash at the end is no other name.
        @Test func foldersInTheWay() throws {
            let (_, job) = try trained()
            let files = FileManager.default
            let (file, full, empty) = (job.output("afile"), job.output("full"), job.output("empty"))
            try Data("x".utf8).write(to: URL(filePath: file))
            try files.createDirectory(atPath: full, withIntermediateDirectories: true)
            try Data("x".utf8).write(to: URL(filePath: "\(full)/kept"))
            try files.createDirectory(atPath: empty, withIntermediateDirectories: true)
            let arguments = ["--checkpoint", job.output("run"), "--folder"]
            expectFault(try export(arguments + [file]), ["a file is where the folder should be"])
            expectFault(try export(arguments + [full]), ["the folder is not empty"])
            #expect(files.contents(atPath: file) == Data("x".utf8) && files.fileExists(atPath: "\(full)/kept"))
            for path in [empty + "/", job.output("new") + "/"] {
                expectDone(try export(arguments + [path]))
                #expect(files.fileExists(atPath: path + "model.safetensors"))
            }
        }

        @Test func wrongUsage() throws {
            let cases: [([String], String)] = [

                (["--config", "c", "--checkpoint", "r"], "--checkpoint and --config"),
                (["--checkpoint", "run"], "--output and --folder"),
                (["--checkpoint", "run", "--vision", "v", "--output", "o"], "--set pretrained.vision=FILE"),
                (["--config", "c", "--adapters-only", "--output", "o"], "--adapters-only"),
            ]
            for (arguments, part) in cases {
                expectFault(try JobRunner.runAlone("alta-worker", ["export"] + arguments), [part], exitCode: 2)
            }
            expectFault(try JobRunner.runAlone("alta-worker", ["embed"]), ["--output"], exitCode: 2)
            expectFault(
                try JobRunner.runAlone("alta-worker", ["embed", "--image", "side", "--output", "o"]), ["frontal"],
                exitCode: 2)
            expectFault(
                try JobRunner.runAlone("alta-worker", ["export", "--config", "no.json", "--output", "o"]), ["no.json"])
        }

        /// The same file at every rank count: unit rows in the table's order.
        @Test func embed() throws {
            let (_, job) = try trained()
            var files: Set<Data> = []
            for ranks in [1, 2, 3] {
                let path = job.output("vectors-\(ranks).safetensors")
                expectDone(
                    try JobRunner.run(
                        "alta-worker", ranks: ranks,
                        ["embed", "--checkpoint", job.output("run"), "--image", "frontal", "--output", path]))
                files.insert(try Data(contentsOf: URL(filePath: path)))
            }
            #expect(files.count == 1)
            let file = try SafetensorsFile(path: job.output("vectors-1.safetensors"))
            #expect(file.metadata["rows"] == "8" && file.metadata["image"] == "frontal")
            for name in ["images", "reports"] {
                #expect(try file.tensor(name).shape == [8, 32])
                let values = try file.floats(name)
                let rows = (0..<8).map { Array(values[$0 * 32..<($0 + 1) * 32]) }
                // Unit vectors of 32 single-precision numbers.
                for row in rows { #expect(abs(row.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5) }
                let different = Set(rows).count
                #expect(different > 1)
            }
        }
    }
}
