import AltaCore
import AltaFormats
import AltaModel
import AltaTestSupport
import Testing

/// What the model is made of: names, shapes, counts, what trains and what decays.
struct WeightCatalogTests {
    @Test func publishedCounts() {
        let catalog = WeightCatalog.make(ModelConfig())
        #expect(catalog.count == 242_177_854)
        #expect(catalog.specs.filter(\.trainsByDefault).reduce(0) { $0 + $1.count } == 18_333_502)
    }

    /// All but the two tables of positions, of 197 times 768 numbers each.
    @Test func publishedCountsOfPretraining() {
        let catalog = WeightCatalog.make(.published(.pretrain))
        for set in TrainableSet.allCases {
            #expect(catalog.specs.filter { $0.trains(in: set) }.reduce(0) { $0 + $1.count } == 151_154_736)
        }
        #expect(catalog.count == 151_154_736 + 2 * 197 * 768)
        #expect(catalog.specs.filter { $0.training == .never }.map(\.name) == ["pos_embed", "decoder_pos_embed"])
    }

    @Test(arguments: Stage.allCases) func noNameTwice(stage: Stage) {
        let names = WeightCatalog.make(.published(stage)).specs.flatMap(\.parts).map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.count > 300)
    }

    /// What was pretrained is loaded by name: the vision model and its decoder are the same tensors in both stages.
    @Test(arguments: ModelConfig.presetNames) func theVisionModelIsOfBothStages(size: String) throws {
        func vision(_ stage: Stage) throws -> [WeightPart] {
            let parts = WeightCatalog.make(try #require(ModelConfig.preset(size, stage: stage))).specs.flatMap(\.parts)
            let added = ["adapter", "_token", "temporal", "view_embedding", "head", "logit_scale", "bert_"]
            return parts.filter { part in !added.contains { part.name.contains($0) } }
        }
        let pretrained = try vision(.pretrain)
        #expect(pretrained == (try vision(.align)) && pretrained.count > 60)
    }

    /// Every tensor of the reference, by name and shape, and no other; and what has a gradient there trains here.
    @Test(.enabled(if: SharedMaterial.shared("fixtures/wide.safetensors") != nil), arguments: ["tiny", "wide", "mrm"])
    func namesOfTheReference(fixture: String) throws {
        let path = try #require(SharedMaterial.shared("fixtures/\(fixture).safetensors"))
        let file = try SafetensorsFile(path: path)
        let stage = file.metadata["stage"].flatMap(Stage.init(rawValue:)) ?? .align
        let json = try JSONValue(parsing: try #require(file.metadata["config"]), file: path)
        let config = try ModelConfig(json: json, stage: stage)
        let specs = WeightCatalog.make(config).specs
        func names(_ group: String) -> Set<String> {
            Set(file.names.filter { $0.hasPrefix(group) }.map { String($0.dropFirst(group.count)) })
        }
        let parts = specs.flatMap(\.parts)
        #expect(Set(parts.map(\.name)) == names("weights/"))
        for part in parts { #expect(try file.tensor("weights/\(part.name)").shape == part.shape, "\(part.name)") }
        let trains = specs.filter(\.trainsByDefault).flatMap(\.parts).map(\.name)
        #expect(Set(trains) == names("gradients/"))
    }

    /// The published rule on names that are easy to get wrong.
    @Test(arguments: [
        ("cls_token", true), ("missing_token", false), ("pos_embed", false), ("patch_embed.proj.weight", false),
        ("temporal_embedding", true), ("view_embedding", true), ("mask_token", true), ("decoder_pos_embed", false),
        ("blocks.0.norm1.weight", true), ("blocks.0.attn.qkv.weight", false),
        ("blocks.0.attn_adapter.D_fc1.bias", true),
        ("blocks.0.mlp.fc1.weight", false), ("decoder_blocks.0.norm2.bias", true),
        ("decoder_blocks.0.mlp.fc2.weight", false), ("norm.weight", true), ("bert_embed.weight", false),
        ("bert_embed.bias", false), ("decoder_embed.weight", true), ("decoder_pred.bias", true),
        ("projection_head.dense_to_hidden.weight", true), ("logit_scale_local2", true),
        ("bert_encoder.bert.embeddings.word_embeddings.weight", false),
        ("bert_encoder.bert.embeddings.LayerNorm.weight", true),
        ("bert_encoder.bert.encoder.layer.0.attention.self.key.weight", false),
        ("bert_encoder.bert.encoder.layer.0.attention.output.dense.weight", false),
        ("bert_encoder.cls.predictions.bias", true), ("bert_encoder.cls.predictions.transform.dense.weight", true),
        ("bert_encoder.local_projection_head.dense_to_output.weight", true),
    ])
    func trainableRule(name: String, trains: Bool) throws {
        #expect(try spec(of: name).trainsByDefault == trains)
    }

    @Test(arguments: [
        ("cls_token", true), ("mask_token", true), ("temporal_embedding", true), ("view_embedding", true),
        ("logit_scale", false), ("norm.weight", false), ("norm.bias", false), ("patch_embed.proj.weight", true),
        ("blocks.0.attn_adapter.D_fc1.weight", true), ("blocks.0.attn_adapter.D_fc1.bias", false),
        ("bert_encoder.bert.encoder.layer.0.attention.self.key.weight", true),
        ("bert_encoder.bert.encoder.layer.0.attention.self.key.bias", false),
        ("bert_encoder.bert.encoder.layer.0.output.LayerNorm.weight", false),
        ("bert_encoder.cls.predictions.bias", false),
    ])
    func decayGroups(name: String, decays: Bool) throws {
        #expect(try spec(of: name).decays == decays)
    }

    private func spec(of name: String) throws -> WeightSpec {
        let specs = WeightCatalog.make(SampleModel.config).specs
        return try #require(specs.first { $0.parts.contains { $0.name == name } }, "no spec holds \(name)")
    }
}
