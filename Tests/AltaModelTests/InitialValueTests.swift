import AltaCore
import AltaModel
import AltaTensor
import Foundation
import Testing

/// How weights begin where no file gives them.
struct InitialValueTests {
    /// Standard errors that a mean or a deviation may be off by: chance alone goes further once in 15,000 tensors.
    private let standardErrors = 4.0

    @Test(arguments: ["blocks.1", "bert_encoder.bert.encoder.layer.1"]) func adaptersBeginAsNothing(block: String)
        throws
    {
        for adapter in ["attn_adapter", "mlp_adapter"] {
            #expect(try values("\(block).\(adapter).D_fc2.weight").allSatisfy { $0 == 0 })
            #expect(try values("\(block).\(adapter).D_fc2.bias").allSatisfy { $0 == 0 })
            #expect(try values("\(block).\(adapter).D_fc1.bias").allSatisfy { $0 == 0 })
            #expect(try values("\(block).\(adapter).D_fc1.weight").contains { $0 != 0 })
        }
    }

    /// The published loader overwrites BERT's `D_fc2`, and leaves the ViT's alone.
    @Test func publishedAdapters() throws {
        let text = "bert_encoder.bert.encoder.layer.0"
        for adapter in ["attn_adapter", "mlp_adapter"] {
            try expectNormal("\(text).\(adapter).D_fc2.weight", adapterInit: .published)
            #expect(try values("blocks.0.\(adapter).D_fc2.weight", adapterInit: .published).allSatisfy { $0 == 0 })
        }
    }

    @Test(arguments: [
        "cls_token", "mask_token", "bert_encoder.bert.embeddings.word_embeddings.weight",
        "bert_encoder.bert.embeddings.position_embeddings.weight",
        "bert_encoder.bert.encoder.layer.0.attention.self.key.weight",
        "bert_encoder.bert.encoder.layer.0.output.dense.weight",
        "bert_encoder.bert.encoder.layer.0.attn_adapter.D_fc1.weight",
        "bert_encoder.cls.predictions.transform.dense.weight",
    ])
    func normal(name: String) throws { try expectNormal(name) }

    @Test(arguments: [
        ("patch_embed.proj.weight", 48, 768), ("blocks.0.attn.qkv.weight", 144, 48),
        ("blocks.0.mlp.fc1.weight", 192, 48), ("blocks.0.mlp_adapter.D_fc1.weight", 12, 48),
        ("bert_embed.weight", 48, 48), ("projection_head.dense_to_hidden.weight", 16, 48),
        ("decoder_pred.weight", 3072, 32), ("bert_encoder.local_projection_head.dense_to_output.weight", 16, 16),
    ])
    func xavier(name: String, outputs: Int, inputs: Int) throws {
        let numbers = try values(name)
        let limit = (6 / Double(outputs + inputs)).squareRoot()
        let largest = Double(numbers.map(abs).max() ?? 0)
        #expect(numbers.count == outputs * inputs)
        #expect(largest <= limit * (1 + 1e-6) && largest > 0.97 * limit)
        expectMoments(numbers, deviation: limit / 3.0.squareRoot(), kurtosis: 1.8, name)
    }

    @Test(arguments: ["pos_embed", "decoder_pos_embed"]) func sineCosine(name: String) throws {
        let numbers = try values(name)
        let grid = SampleModel.config.grid
        let width = numbers.count / (1 + grid * grid)
        #expect(numbers.prefix(width).allSatisfy { $0 == 0 })
        for row in 0..<grid {
            for column in 0..<grid {
                for index in 0..<width {
                    let angle = pow(10000, -Double(index % (width / 4)) / Double(width))
                    let place = Double(index < width / 2 ? column : row) * angle
                    let expected = (index / (width / 4)) % 2 == 0 ? sin(place) : cos(place)
                    let got = numbers[(1 + row * grid + column) * width + index]
                    #expect(abs(Double(got) - expected) < 1e-6, "(\(row), \(column)), \(index)")
                }
            }
        }
    }

    @Test(arguments: WeightCatalog.logitScaleNames) func logitScales(name: String) throws {
        #expect(try values(name) == [Float(log(1 / 0.07))])
    }

    @Test(arguments: [
        ("temporal_embedding", Float(0)), ("view_embedding", 0), ("missing_token", 0), ("bert_embed.bias", 0),
        ("patch_embed.proj.bias", 0), ("norm.weight", 1), ("norm.bias", 0), ("projection_head.LayerNorm.weight", 1),
        ("bert_encoder.bert.embeddings.LayerNorm.weight", 1), ("bert_encoder.cls.predictions.bias", 0),
    ])
    func constants(name: String, value: Float) throws {
        #expect(try values(name).allSatisfy { $0 == value })
    }

    @Test func valuesDependOnSeedAndNameAlone() throws {
        let (qkv, other) = ("blocks.0.attn.qkv.weight", "blocks.1.attn.qkv.weight")
        #expect(try values(qkv) == values(qkv))
        #expect(try values(qkv) != values(qkv, seed: 2))
        #expect(try values(qkv) != values(other))
        let layer = "bert_encoder.bert.encoder.layer.0.attention.self"
        #expect(try values("\(layer).query.weight") != values("\(layer).key.weight"))
    }

    // MARK: - Pretraining

    @Test(arguments: [
        ("bert_mlp.weight", 24, 48), ("bert_encoder.model.bert.encoder.layer.0.attention.self.query.weight", 24, 24),
        ("bert_encoder.model.bert.encoder.layer.1.output.dense.weight", 24, 96),
        ("bert_encoder.model.cls.predictions.transform.dense.weight", 24, 24),
        ("bert_encoder.model.cls.predictions.decoder.weight", 211, 24),
    ])
    func pretrainingXavier(name: String, outputs: Int, inputs: Int) throws {
        let limit = (6 / Double(outputs + inputs)).squareRoot()
        let numbers = try values(name, stage: .pretrain)
        #expect(numbers.count == outputs * inputs && numbers.allSatisfy { abs(Double($0)) <= limit })
        expectMoments(numbers, deviation: limit / 3.0.squareRoot(), kurtosis: 1.8, name)
    }

    @Test func pretrainingBeginsWithoutAWordForPadding() throws {
        let table = try values("bert_encoder.model.bert.embeddings.word_embeddings.weight", stage: .pretrain)
        #expect(table.prefix(24).allSatisfy { $0 == 0 })
        expectMoments(Array(table.dropFirst(24)), deviation: 0.02, kurtosis: 3, "words")
        for name in ["position_embeddings", "token_type_embeddings"] {
            let numbers = try values("bert_encoder.model.bert.embeddings.\(name).weight", stage: .pretrain)
            expectMoments(numbers, deviation: 0.02, kurtosis: 3, name)
        }
        #expect(try values("bert_mlp.bias", stage: .pretrain).allSatisfy { $0 == 0 })
    }

    /// A run of either stage begins with the same vision model.
    @Test(arguments: ["blocks.0.attn.qkv.weight", "pos_embed", "decoder_pred.weight", "cls_token"])
    func theVisionModelBeginsAlike(name: String) throws {
        #expect(try values(name, stage: .pretrain) == values(name))
    }

    // MARK: - Numbers

    private func values(
        _ name: String, stage: Stage = .align, seed: UInt64 = 1, adapterInit: AdapterInit = .zero
    ) throws -> [Float] {
        let specs = WeightCatalog.make(SampleModel.config(stage), adapterInit: adapterInit).specs
        let spec = try #require(specs.first { $0.parts.contains { $0.name == name } })
        let part = try #require(spec.parts.first { $0.name == name })
        var numbers = [Float](repeating: .nan, count: part.count)
        let isFromFile = try numbers.withUnsafeMutableBufferPointer {
            try RandomWeights(seed: seed).load(part, of: spec, into: $0)
        }
        #expect(!isFromFile)
        return numbers
    }

    private func expectNormal(_ name: String, adapterInit: AdapterInit = .zero) throws {
        let numbers = try values(name, adapterInit: adapterInit)
        expectMoments(numbers, deviation: 0.02, kurtosis: 3, name)
        // Five deviations: once in 1.7 million numbers.
        #expect(numbers.allSatisfy { abs($0) < 0.1 })
    }

    /// Mean 0 and this deviation, as far as so many numbers can tell; `kurtosis` is the distribution's.
    private func expectMoments(_ numbers: [Float], deviation: Double, kurtosis: Double, _ name: String) {
        let count = Double(numbers.count)
        let mean = numbers.reduce(0.0) { $0 + Double($1) } / count
        let variance = numbers.reduce(0.0) { $0 + Double($1) * Double($1) } / count
        #expect(abs(mean) < standardErrors * deviation / count.squareRoot(), "\(name): mean \(mean)")
        let error = standardErrors * ((kurtosis - 1) / count).squareRoot()
        #expect(abs(variance / (deviation * deviation) - 1) < error, "\(name): variance \(variance)")
    }
}
