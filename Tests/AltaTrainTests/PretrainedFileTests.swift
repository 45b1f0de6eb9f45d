import AltaCore
import AltaFormats
import AltaModel
import AltaTestSupport
import AltaTrain
import Foundation
import Testing

/// Vision files: what is loaded, what may be absent, what is refused, and that all of it is told.
struct PretrainedFileTests {
    private static let config: ModelConfig = {
        var config = ModelConfig()
        (config.imageSize, config.patchSize, config.width) = (64, 16, 16)
        (config.visionDepth, config.visionHeads) = (2, 2)
        (config.decoderWidth, config.decoderDepth, config.decoderHeads) = (8, 1, 2)
        (config.textDepth, config.textHeads, config.textIntermediate) = (1, 2, 24)
        (config.vocabulary, config.maxTokens, config.maxPositions, config.projection) = (31, 12, 16, 8)
        return config
    }()

    private func write(_ file: PublishedFile) throws -> String {
        let path = try SharedMaterial.temporaryFolder("pretrained") + "/weights.safetensors"
        try file.write(path)
        return path
    }

    /// What opening a model on this file tells, and the model's tensors.
    private func open(
        _ file: PublishedFile, _ config: ModelConfig = config, side: EncoderSide = .vision
    ) throws -> (told: String, model: PublishedFile) {
        var run = RunConfig(stage: config.stage)
        run.model = config
        if side == .vision { run.pretrainedVision = try write(file) } else { run.pretrainedText = try write(file) }
        let export = try ModelExport.open(run) { _ in }
        let output = try SharedMaterial.temporaryFolder("pretrained") + "/model.safetensors"
        _ = try export.write(to: output, adaptersOnly: false)
        return (export.notices.joined(separator: "\n"), try PublishedFile.read(output))
    }

    private func expectFault(
        _ file: PublishedFile, _ parts: [String], _ config: ModelConfig = config, side: EncoderSide = .vision
    ) {
        let error = #expect(throws: AltaError.self) { try open(file, config, side: side) }
        for part in parts { #expect(error?.description.contains(part) == true, "\(error?.description ?? "")") }
        #expect(error?.remedy != nil && error?.file != nil)
    }

    @Test func everyTensorIsTheFiles() throws {
        let file = try PublishedFile.pretrained(.vision, Self.config)
        let (told, model) = try open(file)
        for (name, tensor) in file.tensors { #expect(model.tensors[name]?.values == tensor.values, "\(name)") }
        let numbers = file.tensors.values.reduce(0) { $0 + $1.values.count }
        #expect(told.contains("\(file.tensors.count) tensors, \(numbers) numbers"))
        for part in ["blocks.*.attn_adapter (8)", "projection_head (6)", "logit_scale_local3", "bert_embed (2)"] {
            #expect(told.contains(part), "\(part)")
        }
    }

    @Test func whatIsUnknownIsToldAndIgnored() throws {
        var file = try PublishedFile.pretrained(.vision, Self.config)
        file.tensors["head.weight"] = .init(shape: [3, 16], values: [Float](repeating: 1, count: 48))
        file.tensors["bert_encoder.model.bert.pooler.dense.bias"] = .init(shape: [2], values: [1, 2])
        let told = try open(file).told
        #expect(told.contains("unexpected, ignored           1: head.weight"))
        #expect(told.contains("bert_encoder.model.bert.pooler.dense.bias (of the other encoder)"))
    }

    @Test func aMissingTensorIsAnError() throws {
        for name in ["blocks.1.mlp.fc2.bias", "cls_token", "decoder_norm.weight", "mask_token"] {
            var file = try PublishedFile.pretrained(.vision, Self.config)
            file.tensors[name] = nil
            expectFault(file, ["lacks 1 tensors", name])
        }
        expectFault(
            PublishedFile(tensors: ["weight": .init(shape: [1], values: [0])]), ["lacks 50 tensors", "known of weight"])
    }

    /// An adapter, a head or the decoder may be absent as a whole; a piece of one that is missing is damage.
    @Test func aTornModuleIsAnError() throws {
        for (name, side) in [
            ("blocks.0.attn_adapter.D_fc1.bias", EncoderSide.vision), ("projection_head.LayerNorm.weight", .vision),
            ("bert_encoder.cls_projection_head.dense_to_output.bias", .text),
            ("bert_encoder.cls.predictions.transform.dense.weight", .text),
        ] {
            var file = PublishedFile()
            for spec in WeightCatalog.make(Self.config).specs where EncoderSide(ofWeight: spec.parts[0].name) == side {
                for part in spec.parts { try file.draw(part, of: spec) }
            }
            #expect(throws: Never.self) { try open(file, side: side) }
            file.tensors[name] = nil
            expectFault(file, ["lacks 1 tensors", name], side: side)
        }
    }

    @Test func anotherShapeIsAnError() throws {
        var file = try PublishedFile.pretrained(.vision, Self.config)
        file.tensors["norm.weight"] = .init(shape: [8], values: [Float](repeating: 1, count: 8))
        expectFault(file, ["norm.weight is [8], expected [16]"])
        file = try PublishedFile.pretrained(.vision, Self.config)
        file.tensors["logit_scale"] = .init(shape: [1], values: [1])
        expectFault(file, ["logit_scale is [1], expected []"])
    }

    /// The first layers of a deeper model are not that model.
    @Test func aDeeperFileIsAnError() throws {
        var deeper = Self.config
        deeper.visionDepth = 3
        expectFault(try .pretrained(.vision, deeper), ["layers that `model` does not have", "blocks.2."])
    }

    @Test func aNumberThatIsNotFiniteIsAnError() throws {
        var file = try PublishedFile.pretrained(.vision, Self.config)
        file.tensors["blocks.0.attn.qkv.weight"]?.values[7] = .nan
        expectFault(file, ["not finite", "blocks.0.attn.qkv.weight"])
    }

    @Test func oneTensorUnderTwoNamesIsAnError() throws {
        var file = try PublishedFile.pretrained(.vision, Self.config)
        file.tensors["module.norm.bias"] = file.tensors["norm.bias"]
        expectFault(file, ["two names", "norm.bias"])
    }

    /// What no tensor shows, an exported file tells: it must be as `model` has it.
    @Test func whatNoTensorShows() throws {
        var run = RunConfig()
        run.model = Self.config
        let path = try SharedMaterial.temporaryFolder("hidden") + "/model.safetensors"
        _ = try ModelExport.open(run) { _ in }.write(to: path, adaptersOnly: false)
        (run.pretrainedVision, run.pretrainedText) = (path, path)
        _ = try ModelExport.open(run) { _ in }
        for (name, change) in [
            ("vision_heads", { $0.visionHeads = 4 }), ("decoder_heads", { $0.decoderHeads = 4 }),
            ("adapter_scale", { $0.adapterScale = 1 }), ("text_heads", { $0.textHeads = 4 }),
        ] as [(String, (inout ModelConfig) -> Void)] {
            var other = run
            change(&other.model)
            let error = #expect(throws: AltaError.self) { try ModelExport.open(other) { _ in } }
            #expect(error?.description.contains(name) == true, "\(error?.description ?? "")")
        }
    }

    /// An encoder alone, as MAE publishes it: enough to pretrain from, not to align.
    @Test func aFileWithoutADecoder() throws {
        var file = try PublishedFile.pretrained(.vision, Self.config)
        for name in file.tensors.keys where name.hasPrefix("decoder_") || name == "mask_token" {
            file.tensors[name] = nil
        }
        expectFault(file, ["decoder", "alta-worker pretrain"])
        var pretrain = Self.config
        pretrain.stage = .pretrain
        let (told, model) = try open(file, pretrain)
        #expect(told.contains("decoder_blocks.*.attn (4)"))
        for (name, tensor) in file.tensors { #expect(model.tensors[name]?.values == tensor.values, "\(name)") }
    }

    /// Positions of 16 patches for a model of 36: the recorded interpolation holds for the function (AltaModelTests).
    @Test func positionsOfAnotherGrid() throws {
        let file = try PublishedFile.pretrained(.vision, Self.config)
        var larger = Self.config
        larger.imageSize = 96
        let (told, model) = try open(file, larger)
        for (name, width) in [("pos_embed", 16), ("decoder_pos_embed", 8)] {
            #expect(told.contains("\(name) from [1, 17, \(width)] to [1, 37, \(width)]"))
            let (before, after) = try (#require(file.tensors[name]), #require(model.tensors[name]))
            #expect(after.shape == [1, 37, width])
            #expect(after.values.prefix(width) == before.values.prefix(width))
            #expect(after.values.dropFirst(width).contains { $0 != 0 })
        }
        var uneven = file
        uneven.tensors["pos_embed"] = .init(shape: [1, 18, 16], values: [Float](repeating: 0, count: 18 * 16))
        expectFault(uneven, ["pos_embed is [1, 18, 16]"])
    }

    /// The published conversion: vision weights of three kinds of file, text weights with tied tensors that share storage.
    @Test(
        .enabled(if: SharedMaterial.shared("fixtures/mrm_tiny.pth") != nil, "needs ../shared/fixtures"),
        arguments: [("mrm_tiny.pth", false), ("mrm_tiny_legacy.pth", false), ("mrm_tiny_fp16_flat.pth", true)])
    func filesOfTheReference(name: String, isHalf: Bool) throws {
        let fixture = SharedMaterial.fixture("tiny.safetensors")
        var config = try ModelExport.configuration(fixture, overrides: [])
        config.pretrainedVision = SharedMaterial.shared("fixtures/\(name)")
        config.pretrainedText = SharedMaterial.shared("fixtures/cxrbert_tiny.bin")
        let output = try SharedMaterial.temporaryFolder("reference") + "/model.safetensors"
        let export = try ModelExport.open(config) { _ in }
        #expect(!export.notices.contains { $0.contains("differs") })
        _ = try export.write(to: output, adaptersOnly: false)
        let (model, expected) = (try SafetensorsFile(path: output), try SafetensorsFile(path: fixture))
        // The reference's strict state dict: these names and shapes, no other.
        let weights = expected.names.filter { $0.hasPrefix("weights/") }.map { String($0.dropFirst(8)) }
        #expect(Set(model.names) == Set(weights))
        var compared = 0
        for spec in WeightCatalog.make(export.model).specs {
            let inText = EncoderSide(ofWeight: spec.name) == .text && !spec.name.contains("local_projection_head")
            for part in spec.parts where inText && !spec.name.contains("_adapter.") || !spec.mayBeAbsent {
                let (found, wanted) = (try model.floats(part.name), try expected.floats("weights/\(part.name)"))
                #expect(try model.tensor(part.name).shape == expected.tensor("weights/\(part.name)").shape)
                let isRounded = isHalf && !inText
                #expect(
                    isRounded ? zip(found, wanted).allSatisfy { $0 == Float(Float16($1)) } : found == wanted,
                    "\(part.name)")
                compared += 1
            }
        }
        #expect(compared == 98)
        for part in ["dense_to_hidden.weight", "LayerNorm.bias"] {
            #expect(
                try model.floats("bert_encoder.local_projection_head.\(part)")
                    == model.floats("bert_encoder.cls_projection_head.\(part)"))
        }
    }

    /// An output matrix that is not the word embeddings is told of: this model ties them.
    @Test func anUntiedOutputMatrixIsToldOf() throws {
        var file = try PublishedFile.pretrained(.text, Self.config).renamed {
            String($0.dropFirst("bert_encoder.".count))
        }
        let words = try #require(file.tensors["bert.embeddings.word_embeddings.weight"])
        file.tensors["cls.predictions.decoder.weight"] = words
        var config = RunConfig()
        config.model = Self.config
        config.pretrainedText = try write(file)
        #expect(try !ModelExport.open(config) { _ in }.notices.contains { $0.contains("differs") })
        file.tensors["cls.predictions.decoder.weight"]?.values[0] += 1
        config.pretrainedText = try write(file)
        #expect(try ModelExport.open(config) { _ in }.notices.contains { $0.contains("differs") })
    }

    @Test func whatIsThereIsNamed() throws {
        let folder = try SharedMaterial.temporaryFolder("empty")
        for (path, part) in [("\(folder)/no.pth", "no such file"), (folder, "without weights")] {
            var config = RunConfig()
            config.pretrainedVision = path
            let error = #expect(throws: AltaError.self) { try ModelExport.open(config) { _ in } }
            #expect(error?.description.contains(part) == true)
            #expect(error?.description.contains("pretrained.vision") == true)
        }
    }
}
