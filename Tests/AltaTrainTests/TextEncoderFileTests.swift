import AltaAutograd
import AltaCore
import AltaData
import AltaFormats
import AltaModel
import AltaTensor
import AltaTestSupport
import AltaTrain
import Foundation
import Testing

/// A Hugging Face folder as text encoder: its last states are the original's, whatever the names and the files.
struct TextEncoderFileTests {
    /// Largest difference of a mean of last states, which are of the size of one.
    private static let tolerance: Float = 1e-5
    private static let bert = SharedMaterial.fixture("weights/bert")

    /// A model as wide as the recorded BERT; the folder tells the rest of the text encoder's shape.
    private static func config(text: String, width: Int, model: JSONObject = [:]) throws -> RunConfig {
        var object: JSONObject = [
            "image_size": 32, "width": .integer(width), "vision_depth": 1, "vision_heads": 2, "decoder_width": 16,
            "decoder_depth": 1, "decoder_heads": 2, "projection": 8,
        ]
        for (key, value) in model.members.map({ ($0.key, $0.value) }) { object[key] = value }
        return try RunConfig(json: ["model": .object(object), "pretrained": ["text": .string(text)]])
    }

    private static let tinyText: JSONObject = [
        "text_depth": 2, "text_heads": 3, "text_intermediate": 20, "max_positions": 16, "max_tokens": 16,
    ]

    /// The mean of each sequence's last states.
    private static func means(_ config: RunConfig, _ sequences: [[Int32]]) throws -> [[Float]] {
        let export = try ModelExport.open(config) { _ in }
        let engine = try Engine(threads: 1)
        let weights = try ModelWeights.make(
            config: export.model, trainable: .adapters, source: export.weights, engine: engine)
        let model = AltaModel.make(weights: weights, dropoutRate: 0)
        return sequences.map { sequence in
            let arena = Arena()
            return withExtendedLifetime(arena) {
                let states = model.readSequences([sequence], on: Tape(engine: engine, arena: arena, ledger: nil))
                return (0..<states.columns).map { column in
                    (0..<states.rows).reduce(0) { $0 + states[$1, column] } / Float(states.rows)
                }
            }
        }
    }

    private static func largestDifference(_ found: [[Float]], _ expected: [Float]) -> Float {
        let flat = Array(found.joined())
        guard flat.count == expected.count else { return .infinity }
        return zip(flat, expected).map { abs($0 - $1) }.max() ?? .infinity
    }

    /// The recorded sequences without their padding, and their means.
    private static func recorded() throws -> (sequences: [[Int32]], means: [Float]) {
        let file = try SafetensorsFile(path: "\(bert)/expected.safetensors")
        let (ids, lengths) = (try file.integers("ids"), try file.integers("lengths"))
        let padded = ids.count / lengths.count
        return (
            lengths.enumerated().map { row, length in (0..<length).map { Int32(ids[row * padded + $0]) } },
            try file.floats("mean")
        )
    }

    @Test func aFolderWithBareNames() throws {
        let recorded = try Self.recorded()
        let config = try Self.config(text: Self.bert, width: 12, model: Self.tinyText)
        #expect(Self.largestDifference(try Self.means(config, recorded.sequences), recorded.means) <= Self.tolerance)
    }

    /// The ids of another vocabulary mean other words, though it be as long.
    @Test func anotherVocabularyIsRefused() throws {
        let folder = try SharedMaterial.temporaryFolder("vocabulary")
        var config = try Self.config(text: Self.bert, width: 12, model: Self.tinyText)
        let text = try String(contentsOfFile: "\(Self.bert)/vocab.txt", encoding: .utf8)
        config.vocabularyPath = "\(folder)/same.txt"
        try text.write(toFile: "\(folder)/same.txt", atomically: true, encoding: .utf8)
        #expect(throws: Never.self) { try ModelExport.open(config) { _ in } }
        let lines = text.split(separator: "\n")
        let turned = lines.prefix(5) + lines.dropFirst(5).reversed()
        config.vocabularyPath = "\(folder)/turned.txt"
        try (turned.joined(separator: "\n") + "\n").write(
            toFile: "\(folder)/turned.txt", atomically: true, encoding: .utf8)
        let error = #expect(throws: AltaError.self) { try ModelExport.open(config) { _ in } }
        #expect(error?.what.contains("the vocabulary is not that of pretrained.text") == true)
    }

    /// The names of other files of the same weights.
    private static let namings: [@Sendable (String) -> String?] = [
        { "bert." + $0 }, { "bert_encoder.bert." + $0 }, { "module.bert_encoder.model.bert." + $0 },
        {
            $0.replacingOccurrences(of: "LayerNorm.weight", with: "LayerNorm.gamma")
                .replacingOccurrences(of: "LayerNorm.bias", with: "LayerNorm.beta")
        },
        { $0.hasPrefix("pooler") ? nil : $0 },
    ]

    @Test(arguments: 0..<5) func otherNames(number: Int) throws {
        let recorded = try Self.recorded()
        let path = try SharedMaterial.temporaryFolder("names") + "/weights.safetensors"
        try PublishedFile.read("\(Self.bert)/model.safetensors").renamed(Self.namings[number]).write(path)
        var model = Self.tinyText
        model["vocabulary"] = 23
        let config = try Self.config(text: path, width: 12, model: model)
        #expect(Self.largestDifference(try Self.means(config, recorded.sequences), recorded.means) <= Self.tolerance)
    }

    @Test func aFolderWithAShardedIndex() throws {
        let recorded = try Self.recorded()
        let folder = try SharedMaterial.temporaryFolder("shards")
        for name in ["config.json", "vocab.txt"] {
            try FileManager.default.copyItem(atPath: "\(Self.bert)/\(name)", toPath: "\(folder)/\(name)")
        }
        let file = try PublishedFile.read("\(Self.bert)/model.safetensors")
        try file.write("\(folder)/one.safetensors") { $0.hasPrefix("embeddings") }
        try file.write("\(folder)/two.safetensors") { !$0.hasPrefix("embeddings") }
        var map = JSONObject()
        for name in file.tensors.keys {
            map[name] = .string(name.hasPrefix("embeddings") ? "one.safetensors" : "two.safetensors")
        }
        try JSONValue.object(["weight_map": .object(map)]).text()
            .write(toFile: "\(folder)/model.safetensors.index.json", atomically: true, encoding: .utf8)
        let config = try Self.config(text: folder, width: 12, model: Self.tinyText)
        #expect(Self.largestDifference(try Self.means(config, recorded.sequences), recorded.means) <= Self.tolerance)
    }

    /// all-MiniLM-L6-v2 itself on 50 real reports: Tests/Scripts/compare_minilm.sh fetches it.
    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["ALTA_MINILM_FOLDER"] != nil, "needs ALTA_MINILM_FOLDER"),
        .enabled(if: SharedMaterial.shared("reports/indiana_reports.csv") != nil, "needs ../shared/reports"))
    func realBertOnRealReports() throws {
        let folder = try #require(ProcessInfo.processInfo.environment["ALTA_MINILM_FOLDER"])
        let file = try SafetensorsFile(path: SharedMaterial.fixture("weights/minilm_reports.safetensors"))
        let table = try CSVTable(path: #require(SharedMaterial.shared("reports/indiana_reports.csv")))
        let (findings, impression) = try (table.column(named: "findings"), table.column(named: "impression"))
        let tokenizer = try WordPieceTokenizer(vocabulary: WordVocabulary(path: "\(folder)/vocab.txt"))
        let sequences = try file.integers("rows").map { row in
            let ids = tokenizer.encodeWithSpecials("\(table.field(row, findings)) \(table.field(row, impression))")
            return ids.count <= 128 ? ids : ids.prefix(127) + ids.suffix(1)
        }
        #expect(sequences.map(\.count) == (try file.integers("lengths")))
        var config = try RunConfig(json: ["model": "alta-small"])
        config.pretrainedText = folder
        let difference = Self.largestDifference(try Self.means(config, sequences), try file.floats("mean"))
        print("largest difference to the original's mean-pooled embeddings: \(difference)")
        #expect(difference <= Self.tolerance)
    }

    /// The settings of a copy of the folder's config.json, each refused, and what the error names.
    private static let refused: [(key: String, value: JSONValue, part: String)] = [
        ("hidden_act", "gelu_new", "gelu_new"), ("hidden_act", "gelu_pytorch_tanh", "gelu_pytorch_tanh"),
        ("layer_norm_eps", 1e-5, "layer_norm_eps"), ("position_embedding_type", "relative_key", "relative_key"),
        ("model_type", "roberta", "roberta"), ("num_attention_heads", 0, "num_attention_heads"),
        ("hidden_dropout_prob", 1.5, "hidden_dropout_prob"), ("num_attention_heads", 2, "text_heads"),
    ]

    @Test(arguments: 0..<8) func whatThisSystemDoesNotCompute(number: Int) throws {
        let (key, value, part) = Self.refused[number]
        let folder = try SharedMaterial.temporaryFolder("refused") + "/bert"
        try FileManager.default.copyItem(atPath: Self.bert, toPath: folder)
        let path = "\(folder)/config.json"
        var json = try #require(
            JSONValue(parsing: String(contentsOfFile: path, encoding: .utf8)).object)
        json[key] = value
        try JSONValue.object(json).text().write(toFile: path, atomically: true, encoding: .utf8)
        let config = try Self.config(text: folder, width: 12, model: Self.tinyText)
        let error = #expect(throws: AltaError.self) { try ModelExport.open(config) { _ in } }
        #expect(error?.description.contains(part) == true && error?.remedy != nil, "\(error?.description ?? "")")
    }

    /// The folder's own dropout goes into what is exported from it, unless the configuration has another.
    @Test(arguments: [(nil, 0.25, 0.15), (0.5, 0.5, 0.5)] as [(Double?, Double, Double)])
    func dropoutOfTheFolder(own: Double?, hidden: Double, attention: Double) throws {
        var config = try Self.config(text: Self.bert, width: 12, model: Self.tinyText)
        config.dropout = own
        let folder = try SharedMaterial.temporaryFolder("dropout")
        _ = try ModelExport.open(config) { _ in }.writeFolder(to: folder, adaptersOnly: false, licence: nil)
        let json = try JSONValue(parsing: String(contentsOfFile: "\(folder)/config.json", encoding: .utf8))
        #expect(json["hidden_dropout_prob"]?.double == hidden)
        #expect(json["attention_probs_dropout_prob"]?.double == attention)
        #expect(json["num_attention_heads"]?.int == 3)
    }

    /// A named model takes the folder's shape, and says so; a model that was written out must agree with it.
    @Test func theFoldersShapeWins() throws {
        let heard = Heard()
        let folder = try SharedMaterial.temporaryFolder("shape") + "/bert"
        var model = ModelConfig()
        (model.width, model.visionHeads) = (64, 4)
        (model.textDepth, model.textHeads, model.textIntermediate) = (2, 8, 96)
        (model.vocabulary, model.maxPositions, model.maxTokens) = (23, 40, 32)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try PublishedFile.pretrained(.text, model).write("\(folder)/model.safetensors")
        let json: JSONValue = [
            "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 8, "intermediate_size": 96,
            "vocab_size": 23, "max_position_embeddings": 40,
        ]
        try json.text().write(toFile: "\(folder)/config.json", atomically: true, encoding: .utf8)
        try FileManager.default.copyItem(atPath: "\(Self.bert)/vocab.txt", toPath: "\(folder)/vocab.txt")
        var config = try RunConfig(json: ["model": "alta-tiny"])
        config.pretrainedText = folder
        let export = try ModelExport.open(config, notice: heard.hear)
        #expect(export.model.textHeads == 8 && export.model.textDepth == 2 && export.model.maxTokens == 40)
        #expect(heard.lines.contains { $0.contains("text_heads: 8 there, 4") })
        var written = config
        written.model.projection = 32
        #expect(throws: AltaError.self) { try ModelExport.open(written) { _ in } }
    }
}
