import AltaAutograd
import AltaCore
import AltaModel
import AltaTensor
import Testing

/// Loading weights, and changing them.
struct ModelWeightsTests {
    /// Files that lack one tensor, which then comes from elsewhere or is an error.
    private struct AllBut: WeightSource {
        let name: String
        let throwsError: Bool

        func load(
            _ part: WeightPart, of spec: WeightSpec, into values: UnsafeMutableBufferPointer<Float>
        ) throws -> Bool {
            if part.name == name && throwsError { throw AltaError("no \(name)", remedy: "bring it") }
            return try NonzeroWeights().load(part, of: spec, into: values) && part.name != name
        }
    }

    /// A stack (BERT's q, k, v) counts as coming from no file as soon as one of its tensors does.
    @Test(arguments: [
        ("bert_embed.weight", ["bert_embed.weight"]), ("norm.weight", []),
        (
            "bert_encoder.bert.encoder.layer.1.attention.self.query.weight",
            ["bert_encoder.bert.encoder.layer.1.attention.self.qkv.weight"]
        ),
    ])
    func frozenWeightsOfNoFileAreKnown(missing: String, expected: [String]) throws {
        let weights = try make(AllBut(name: missing, throwsError: false))
        #expect(weights.frozenFromNoFile.map(\.name) == expected)
    }

    @Test func freshWeightsNameEveryFrozenOne() throws {
        let weights = try make(RandomWeights(seed: 1))
        #expect(
            weights.frozenFromNoFile.map(\.name) == weights.catalog.specs.filter { !$0.trainsByDefault }.map(\.name))
    }

    @Test func whatASourceThrowsIsPassedOn() throws {
        #expect(throws: AltaError.self) { try make(AllBut(name: "norm.bias", throwsError: true)) }
    }

    @Test func partsLieOneBelowTheOther() throws {
        let layer = "bert_encoder.bert.encoder.layer.0.attention.self"
        let spec = try #require(
            WeightCatalog.make(SampleModel.config).specs.first { $0.name == "\(layer).qkv.weight" })
        let parts = ModelWeights.parts(of: spec)
        #expect(parts.map(\.part.name) == ["query", "key", "value"].map { "\(layer).\($0).weight" })
        #expect(parts.map(\.offset) == [0, 48 * 48, 2 * 48 * 48])
        #expect((spec.rows, spec.columns) == (3 * 48, 48))
    }

    /// An updated matrix is multiplied with only after `repack`.
    @Test func repackBringsUpdatesIntoProducts() throws {
        let sample = try SampleModel()
        let study = SampleStudy(number: 0).prepared
        let before = sample.pass([study], counts: nil)
        let weight = try #require(sample.weights["projection_head.dense_to_output.weight"].trainable)
        for element in 0..<weight.value.count { weight.value.base[element] *= -1 }
        sample.weights.repack(engine: sample.engine)
        let after = sample.pass([study], counts: nil)
        #expect(after.studies[0]["image"] != before.studies[0]["image"])
        #expect(after.studies[0]["text"] == before.studies[0]["text"])
    }

    private func make(_ source: any WeightSource) throws -> ModelWeights {
        try ModelWeights.make(
            config: SampleModel.config, trainable: .adapters, source: source, engine: try Engine(threads: 1))
    }
}
