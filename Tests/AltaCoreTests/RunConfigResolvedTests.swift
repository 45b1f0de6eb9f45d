import AltaCore
import Testing

@Suite struct RunConfigResolvedTests {
    private let changes = [
        "model=alta-tiny", "pretrained.vision=v.pth", "pretrained.text=t", "schedule_epochs=50", "warmup_epochs=2.5",
        "weight_decay=0.1", "learning_rate=0.0003", "seed=77", "precision=fp32", "deterministic=false", "trainable=all",
        "adapter_init=published", "absent_views=shared", "dropout=0.25", "global_batch=48", "model.projection=32",
        "data.dicom_scaling=mimic",
    ]
    private let free = [
        "micro_batch=4", "epochs=7", "steps=9", "output=out", "log_studies=true", "checkpoint_every=10",
        "keep_checkpoints=2", "resume=null", "on_not_finite=skip", "compare_weights_every=7", "data.train=a.csv",
        "data.validation=b.csv", "data.image_root=/i", "data.vocabulary=v.txt",
    ]

    @Test func resolvedConfigurationReadsBackEqual() throws {
        for overrides in [[], changes, free, changes + free, ["resume=some/folder"], ["model=alta-small"]] {
            let config = try RunConfig.load(path: nil, overrides: overrides)
            let text = try config.resolvedJSON().text(.pretty)
            let again = try RunConfig(json: JSONValue(parsing: text))
            #expect(again == config)
            #expect(again.modelName == config.modelName)
            #expect(again.fingerprint() == config.fingerprint())
        }
    }

    @Test func resolvedConfigurationHasEveryKey() throws {
        let json = RunConfig().resolvedJSON()
        for row in RunConfig.keyTable() {
            let value = row.name.split(separator: ".").reduce(Optional(json)) { $0?[String($1)] }
            #expect(value != nil, "\(row.name)")
        }
        #expect(json["model"]?.object?.count == 22 && json["learning_rate"] == .some(.null))
    }

    @Test func everyDefiningKeyChangesTheFingerprint() throws {
        let base = RunConfig()
        for change in changes {
            let config = try RunConfig.load(path: nil, overrides: [change])
            let key = String(change.prefix { $0 != "=" })
            #expect(config.fingerprint() != base.fingerprint(), "\(change)")
            let differences = config.differences(from: base)
            #expect(differences.contains { $0.hasPrefix(key) }, "\(change): \(differences)")
        }
    }

    @Test func whatMayChangeLeavesTheFingerprint() throws {
        let config = try RunConfig.load(path: nil, overrides: free)
        #expect(config != RunConfig())
        #expect(config.fingerprint() == RunConfig().fingerprint())
        #expect(config.differences(from: RunConfig()).isEmpty)
    }

    @Test func aDefaultWrittenOutIsTheSameRun() throws {
        var written = RunConfig()
        written.learningRate = written.peakLearningRate
        written.deterministic = true
        #expect(written.fingerprint() == RunConfig().fingerprint())
    }

    @Test func differencesShowBothValues() throws {
        let config = try RunConfig.load(path: nil, overrides: ["seed=2"])
        #expect(config.differences(from: RunConfig()) == ["seed: 2 here, 1 there"])
        let long = String(repeating: "x", count: 200)
        let a = try RunConfig.load(path: nil, overrides: ["pretrained.text=\(long)a"])
        let b = try RunConfig.load(path: nil, overrides: ["pretrained.text=\(long)b"])
        #expect(a.fingerprint() != b.fingerprint() && a.differences(from: b).count == 1)
    }

    @Test func programsAreCheckedToo() {
        var config = RunConfig()
        config.globalBatch = 0
        #expect(throws: AltaError.self) { try config.validate() }
        config = RunConfig()
        config.learningRate = .nan
        #expect(throws: AltaError.self) { try config.validate() }
        config = RunConfig()
        config.model.patchSize = 15
        #expect(throws: AltaError.self) { try config.validate() }
    }

    @Test func modelsAreReadFromFixtureMetadata() throws {
        let model = try ModelConfig(json: JSONValue(parsing: #"{"width": 48, "vision_heads": 3, "text_heads": 4}"#))
        #expect(model.width == 48 && model.textHeads == 4 && model.patches == 196)
        #expect(try ModelConfig(json: model.resolvedJSON()) == model)
        #expect(throws: AltaError.self) { try ModelConfig(json: "alta-tiny") }
    }
}
