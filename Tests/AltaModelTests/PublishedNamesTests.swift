import AltaCore
import AltaModel
import Testing

/// Published names, whatever stands before them, and what of a file is not the model's.
struct PublishedNamesTests {
    private static let catalog = WeightCatalog.make(SampleModel.config)

    private func meaning(_ name: String, _ side: EncoderSide, among others: [String] = []) -> PublishedMeaning {
        PublishedNames.make(side: side, catalog: Self.catalog, fileNames: others + [name]).meaning(of: name)
    }

    @Test(arguments: ["", "module.", "model.", "module.model."]) func visionNames(prefix: String) {
        for name in ["cls_token", "blocks.1.attn.qkv.weight", "decoder_blocks.0.norm1.bias", "patch_embed.proj.weight"]
        {
            #expect(meaning(prefix + name, .vision) == .weight(name))
        }
    }

    @Test func whatAVisionFileHasBesides() {
        #expect(meaning("head.weight", .vision) == .unknown)
        #expect(meaning("fc_norm.weight", .vision) == .unknown)
        #expect(meaning("bert_encoder.model.bert.pooler.dense.weight", .vision) == .otherSide)
        #expect(meaning("bert_mlp.weight", .vision) == .unused("not used in this stage"))
        #expect(meaning("blocks.2.norm1.weight", .vision) == .deeperLayer)
    }

    @Test(arguments: [
        "", "bert.", "bert_encoder.bert.", "bert_encoder.model.bert.", "module.bert_encoder.bert.", "model.bert.",
    ])
    func textNames(prefix: String) {
        let root = "bert_encoder.bert."
        for name in [
            "embeddings.word_embeddings.weight", "encoder.layer.1.attention.self.query.bias",
            "encoder.layer.0.output.LayerNorm.weight",
        ] { #expect(meaning(prefix + name, .text) == .weight(root + name)) }
        #expect(
            meaning(prefix + "encoder.layer.0.output.LayerNorm.gamma", .text)
                == .weight(root + "encoder.layer.0.output.LayerNorm.weight"))
        #expect(meaning(prefix + "embeddings.LayerNorm.beta", .text) == .weight(root + "embeddings.LayerNorm.bias"))
        #expect(meaning(prefix + "pooler.dense.weight", .text) == .unused("BERT's pooler"))
        #expect(meaning(prefix + "embeddings.position_ids", .text) == .unused("a list of positions"))
        #expect(meaning(prefix + "encoder.layer.2.output.dense.bias", .text) == .deeperLayer)
    }

    @Test func headsOfTheTextEncoder() {
        #expect(
            meaning("cls_projection_head.LayerNorm.bias", .text)
                == .weight("bert_encoder.cls_projection_head.LayerNorm.bias"))
        #expect(
            meaning("cls.predictions.transform.dense.weight", .text)
                == .weight("bert_encoder.cls.predictions.transform.dense.weight"))
        #expect(meaning("cls.predictions.decoder.weight", .text) == .tied("cls.predictions.decoder.weight"))
        #expect(meaning("cls.seq_relationship.weight", .text) == .unused("BERT's next-sentence head"))
        #expect(meaning("classifier.weight", .text) == .unknown)
    }

    /// `local_projection_head` without a prefix is the text encoder's in its own file, the images' in a whole model's.
    @Test func aWholeModelsLocalHeads() {
        let name = "local_projection_head.dense_to_hidden.weight"
        #expect(meaning(name, .text) == .weight("bert_encoder." + name))
        #expect(meaning(name, .text, among: ["bert_encoder.bert.embeddings.LayerNorm.bias"]) == .otherSide)
        #expect(meaning(name, .vision) == .weight(name))
    }

    /// MRM's output matrix is a weight of its own, ALTA's is tied.
    @Test func theStageBefore() {
        var config = SampleModel.config
        config.stage = .pretrain
        let names = PublishedNames.make(side: .text, catalog: WeightCatalog.make(config), fileNames: [])
        #expect(
            names.meaning(of: "cls.predictions.decoder.weight")
                == .weight("bert_encoder.model.cls.predictions.decoder.weight"))
        #expect(names.meaning(of: "cls_projection_head.LayerNorm.bias") == .unused("not used in this stage"))
    }

    /// What ALTA adds may be absent, what the published encoders have may not.
    @Test func whatMayBeAbsent() throws {
        let absent = Self.catalog.specs.filter(\.mayBeAbsent).map(\.name)
        #expect(
            absent.contains("logit_scale_local2")
                && absent.contains("bert_encoder.bert.encoder.layer.0.mlp_adapter.D_fc2.bias"))
        for required in [
            "cls_token", "pos_embed", "norm.weight", "mask_token", "decoder_pred.bias",
            "bert_encoder.bert.embeddings.LayerNorm.weight", "bert_encoder.bert.encoder.layer.1.output.dense.weight",
        ] { #expect(!absent.contains(required), "\(required)") }
        #expect(Self.catalog.specs.filter(\.isDecoder).allSatisfy { !$0.mayBeAbsent })
    }
}
