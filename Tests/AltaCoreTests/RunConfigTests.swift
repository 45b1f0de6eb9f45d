import AltaCore
import AltaTestSupport
import Foundation
import Testing

@Suite struct RunConfigTests {
    private func load(_ text: String, _ overrides: String...) throws -> RunConfig {
        let folder = try SharedMaterial.temporaryFolder("configuration")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/run.json"
        try Data(text.utf8).write(to: URL(filePath: path))
        return try RunConfig.load(path: path, overrides: overrides)
    }

    @Test func defaultsAreThePublishedRun() throws {
        let config = try RunConfig.load(path: nil)
        #expect(config == RunConfig())
        #expect(config.modelName == "alta-base" && config.globalBatch == 96 && config.isDeterministic)
        #expect(config.peakLearningRate == 1.5e-4 * 96 / 256)
    }

    @Test func fileAndOverridesAreRead() throws {
        let config = try load(
            """
            {"model": "alta-tiny", "pretrained": {"vision": "mrm.pth"}, "data.train": "a.csv", "global_batch": 14,
             "epochs": 3.0, "steps": 12, "learning_rate": 1e-3, "resume": null, "trainable": "all",
             "deterministic": true, "data": {"image_root": null}}
            """,
            "global_batch=8", "data.train=b c.csv", "model.width=96", "global_batch=16", "output=2026", "resume=auto",
            "precision=\"bf16\"", "steps=null", "seed=9223372036854775807")
        #expect(config.model.width == 96 && config.model.visionDepth == 4 && config.modelName == nil)
        #expect(config.globalBatch == 16 && config.epochs == 3 && config.steps == nil)
        #expect(config.pretrainedVision == "mrm.pth" && config.trainPath == "b c.csv" && config.imageRoot == nil)
        #expect(config.output == "2026" && config.resume == .auto && config.precision == .bf16)
        #expect(config.trainable == .all && config.isDeterministic && config.seed == UInt64(Int.max))
        #expect(config.learningRate == 1e-3)
    }

    @Test func modelIsANameOrAnObject() throws {
        #expect(try load(#"{"model.width": 96, "model": "alta-tiny"}"#).model.width == 96)
        #expect(try load(#"{"model": {"width": 96, "text_heads": 4}}"#).model.visionDepth == 12)
        let replaced = try load("{}", "model.width=96", "model=alta-small")
        #expect(replaced.modelName == "alta-small")
        let object = try load("{}", #"model={"width": 96, "vision_heads": 3, "text_heads": 3}"#)
        #expect(object.model.width == 96 && object.model.visionHeads == 3)
        #expect(
            try load("{}", #"data={"train": "x.csv"}"#, "data.validation=y.csv", "pretrained=null").trainPath == "x.csv"
        )
    }

    @Test(arguments: [
        (#"{"golbal_batch": 3}"#, ["golbal_batch", "did you mean global_batch?"]),
        (#"{"model": {"widht": 3}}"#, ["model.widht", "model.width"]),
        (#"{"data": {"trian": "x"}}"#, ["data.trian", "data.train"]),
        (#"{"pretrained": {"txet": "x"}}"#, ["pretrained.txet", "pretrained.text"]),
        (#"{"train": "x"}"#, ["unknown configuration key", "data.train"]),
        (#"{"global_batch": -3}"#, ["global_batch is -3", "from 1 to", "96"]),
        (#"{"global_batch": 2.5}"#, ["global_batch is 2.5", "whole number"]),
        (#"{"global_batch": "8"}"#, ["global_batch is \"8\""]), (#"{"global_batch": null}"#, ["global_batch is null"]),
        (#"{"micro_batch": -1}"#, ["micro_batch is -1", "from 0"]), (#"{"epochs": 0}"#, ["epochs is 0"]),
        (#"{"steps": -1}"#, ["steps is -1", "or null"]), (#"{"learning_rate": -1e-3}"#, ["learning_rate is -0.001"]),
        (#"{"dropout": 1}"#, ["dropout is 1", "below 1"]), (#"{"keep_checkpoints": 0}"#, ["keep_checkpoints"]),
        (#"{"checkpoint_every": 0}"#, ["checkpoint_every"]), (#"{"seed": -1}"#, ["seed is -1"]),
        (#"{"precision": "fp16"}"#, ["fp16", "fp32 or bf16 or auto"]), (#"{"deterministic": 1}"#, ["true or false"]),
        (#"{"output": ""}"#, ["output is \"\"", "a path"]), (#"{"resume": 3}"#, ["resume is 3"]),
        (#"{"data": "x.csv"}"#, ["unknown configuration key \"data\""]),
        (#"{"model": "alta-bsae"}"#, ["alta-bsae", "did you mean alta-base?"]), (#"{"model": 3}"#, ["model is 3"]),
        (#"{"model": {"image_size": 100}}"#, ["model.image_size is 100", "96 or 112", "patch_size"]),
        (#"{"model": {"width": 100}}"#, ["model.width is 100", "vision_heads"]),
        (#"{"model": {"text_heads": 7}}"#, ["model.width is 768", "text_heads, which is 7"]),
        (#"{"model": {"text_width": 384}}"#, ["model.text_width is 384", "model.width, which is 768"]),
        (#"{"model": {"antialias": false}}"#, ["model.antialias is false"]),
        (#"{"model": {"dropout": 1}}"#, ["model.dropout is 1"]),
        (#"{"stage": "pretraining"}"#, ["stage is \"pretraining\"", "align or pretrain"]),
        (#"{"stage": "pretrain", "trainable": "adapters"}"#, ["trainable is adapters", "leave it out"]),
        (#"{"stage": "pretrain", "absent_views": "shared"}"#, ["absent_views is shared"]),
        (#"{"stage": "pretrain", "model": {"text_width": 100}}"#, ["model.text_width is 100", "text_heads"]),
        (#"{"model": {"decoder_heads": 5}}"#, ["decoder_width", "decoder_heads"]),
        (#"{"model": {"mask_ratio": 1}}"#, ["mask_ratio is 1"]),
        (#"{"model": {"mask_ratio": 0}}"#, ["mask_ratio is 0.0", "196 of 196"]),
        (#"{"model": {"mask_ratio": 0.999}}"#, ["mask_ratio", "0 of 196"]),
        (#"{"model": {"adapter_ratio": 0.001}}"#, ["adapter_ratio is 0.001"]),
        (#"{"model": {"max_tokens": 2}}"#, ["max_tokens is 2", "from 3"]),
        (#"{"model": {"max_tokens": 513}}"#, ["max_tokens is 513", "512"]),
        (#"{"model": {"text_depth": 0}}"#, ["text_depth is 0"]),
        (#"{"model": {"image_size": 9999999999}}"#, ["image_size is 9999999999"]),
        (#"{"epochs": 1, "epochs": 2}"#, ["\"epochs\" is repeated"]),
        (#"{"data": {"train": "a"}, "data.train": "b"}"#, ["data.train is repeated"]),
        (#"[1]"#, ["one JSON object"]), (#"{"epochs": }"#, ["line 1, column 12"]),
    ])
    func faultsNameTheKey(text: String, parts: [String]) throws {
        let error = try #require(throws: AltaError.self) { try load(text) }
        for part in parts { #expect("\(error)".contains(part), "\(error)") }
        #expect("\(error)".contains("run.json") && error.exitCode == .failed, "\(error)")
    }

    @Test(arguments: [
        ("golbal_batch=3", "global_batch"), ("model.widht=3", "model.width"), ("global_batch=-3", "global_batch is -3"),
        ("global_batch=many", "global_batch is \"many\""), ("pretrained={\"vision\": 3}", "pretrained.vision is 3"),
        ("model={\"width\": 3, \"width\": 4}", "model is"), ("precision=1", "precision is 1"),
    ])
    func overridesAreCheckedToo(override: String, part: String) throws {
        let error = try #require(throws: AltaError.self) { try RunConfig.load(path: nil, overrides: [override]) }
        #expect("\(error)".contains(part), "\(error)")
        #expect(error.exitCode == .failed)
    }

    @Test func faultsSayWhereTheValueCameFrom() throws {
        let direct = try #require(throws: AltaError.self) { try load("{}", "epochs=0") }
        #expect("\(direct)".hasPrefix("epochs is 0 (--set epochs=0): it must be"), "\(direct)")
        let together = try #require(throws: AltaError.self) { try load("{}", "model.width=100") }
        #expect("\(together)".contains("run.json and --set)"), "\(together)")
    }

    @Test(arguments: ["global_batch", "=3"]) func overridesWithoutAValueAreWrongUsage(override: String) throws {
        let error = try #require(throws: AltaError.self) { try RunConfig.load(path: nil, overrides: [override]) }
        #expect(error.exitCode == .usage)
    }

    @Test func absentFileIsNamed() throws {
        let error = try #require(throws: AltaError.self) { try RunConfig.load(path: "absent.json") }
        #expect("\(error)".contains("absent.json") && "\(error)".contains("No such file"))
    }

    @Test func keyTableDescribesEveryKeyOnce() {
        let table = RunConfig.keyTable()
        #expect(Set(table.map(\.name)).count == table.count)
        let text = RunConfig.keyTableText()
        for name in [
            "stage", "model", "pretrained.vision", "pretrained.text", "data.train", "data.validation",
            "data.image_root", "data.vocabulary", "data.dicom_scaling", "global_batch", "micro_batch", "epochs",
            "schedule_epochs", "warmup_epochs", "steps",
            "learning_rate", "weight_decay", "seed", "precision", "deterministic", "trainable", "adapter_init",
            "absent_views", "dropout", "on_not_finite", "compare_weights_every", "output", "log_studies",
            "checkpoint_every", "keep_checkpoints", "resume",
        ] {
            #expect(table.contains { $0.name == name && !$0.documentation.isEmpty }, "\(name)")
            #expect(text.contains("  \(name) "), "\(name)")
        }
        #expect(table.count == 31 + 22)
    }
}
