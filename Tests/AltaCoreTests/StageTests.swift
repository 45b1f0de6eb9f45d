import AltaCore
import Testing

/// The stage decides the defaults, and a command takes no configuration of the other one.
@Suite struct StageTests {
    @Test func defaultsOfPretrainingArePublished() throws {
        let config = try RunConfig.load(path: nil, stage: .pretrain)
        #expect(config == RunConfig(stage: .pretrain) && config.stage == .pretrain && config.modelName == "alta-base")
        #expect(config.globalBatch == 256 && config.epochs == 200)
        #expect(config.scheduleEpochs == 200 && config.warmupEpochs == 40 && config.peakLearningRate == 1.5e-4)
        #expect(config.trainable == .all && !config.isDeterministic && config.dropoutRate == 0.1)
        let model = config.model
        #expect((model.textWidth, model.textDepth, model.textHeads, model.textIntermediate) == (384, 6, 6, 1536))
        #expect((model.maxTokens, model.maxPositions, model.vocabulary) == (100, 100, 30000) && !model.antialias)
        #expect((model.width, model.visionDepth, model.decoderWidth) == (768, 12, 768))
    }

    @Test(arguments: ModelConfig.presetNames) func presetsShareTheVisionModel(name: String) throws {
        let config = try RunConfig.load(path: nil, overrides: ["model=\(name)"], stage: .pretrain)
        #expect(config.modelName == name)
        var (here, there) = (config.model, try #require(ModelConfig.preset(name)))
        #expect(here.textWidth <= there.textWidth && here.textDepth < there.textDepth)
        // All but the text encoder and what the stage itself decides.
        there.stage = .pretrain
        (there.givenTextWidth, there.textDepth, there.textHeads) = (here.givenTextWidth, here.textDepth, here.textHeads)
        (there.textIntermediate, there.vocabulary) = (here.textIntermediate, here.vocabulary)
        (there.maxTokens, there.maxPositions, there.antialias) = (here.maxTokens, here.maxPositions, here.antialias)
        #expect(here == there)
        here.givenTextWidth = nil
        #expect(here.textWidth == here.width)
    }

    @Test func theConfigurationMayNameItsStage() throws {
        #expect(try RunConfig.load(path: nil, overrides: ["stage=pretrain"]).globalBatch == 256)
        #expect(try RunConfig.load(path: nil, overrides: ["stage=pretrain"], stage: .pretrain).epochs == 200)
        let config = try RunConfig.load(path: nil, overrides: ["stage=pretrain", "model.width=96", "epochs=3"])
        #expect(config.model.width == 96 && config.model.textWidth == 384 && config.epochs == 3)
        let again = try RunConfig(json: JSONValue(parsing: try config.resolvedJSON().text()))
        #expect(again == config && again.stage == .pretrain)
        #expect(config.differences(from: RunConfig()).contains { $0.hasPrefix("stage: ") })
    }

    @Test(arguments: [("pretrain", Stage.align), ("align", .pretrain)])
    func theOtherStageIsRefused(named: String, stage: Stage) throws {
        let error = try #require(throws: AltaError.self) {
            try RunConfig.load(path: nil, overrides: ["stage=\(named)"], stage: stage)
        }
        #expect("\(error)".contains("of the stage \(named)") && "\(error)".contains("alta-worker \(named)"))
    }

    @Test func theModelOfAFixtureIsReadForItsStage() throws {
        let json = try JSONValue(parsing: #"{"width": 48, "vision_heads": 3, "text_width": 24, "text_heads": 4}"#)
        let model = try ModelConfig(json: json, stage: .pretrain)
        #expect(model.stage == .pretrain && model.textWidth == 24 && model.maxTokens == 100)
        #expect(try ModelConfig(json: model.resolvedJSON(), stage: .pretrain) == model)
        #expect(throws: AltaError.self) { try ModelConfig(json: json) }
    }
}
