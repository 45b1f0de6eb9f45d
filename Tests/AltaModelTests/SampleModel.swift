import AltaAutograd
import AltaCore
import AltaData
import AltaModel
import AltaTensor

/// Weights of every kind, none of them zero, so that no gradient path is silent (as the reference's `initialise`).
struct NonzeroWeights: WeightSource {
    func load(
        _ part: WeightPart, of spec: WeightSpec, into values: UnsafeMutableBufferPointer<Float>
    ) throws -> Bool {
        let key = part.name.utf8.reduce(RandomKey(seed: 11, purpose: .test)) { $0.child(UInt64($1)) }
        let isMatrix = part.shape.count > 1
        key.fillNormal(values, deviation: isMatrix ? 1 / Double(part.shape.last ?? 1).squareRoot() : 0.1)
        let isGamma = part.name.lowercased().contains("norm") && part.name.hasSuffix(".weight")
        if isGamma || part.shape.isEmpty { for index in values.indices { values[index] += 1 } }
        return true
    }
}

/// A model that is small in every dimension, its batches, and passes through it.
struct SampleModel {
    let engine: Engine
    let weights: ModelWeights
    let model: any StageModel

    /// The shape of the references' tiny fixtures.
    static var config: ModelConfig { config(.align) }

    static func config(_ stage: Stage) -> ModelConfig {
        var config = ModelConfig.published(stage)
        (config.imageSize, config.patchSize, config.width) = (64, 16, 48)
        (config.visionDepth, config.visionHeads) = (2, 3)
        (config.decoderWidth, config.decoderDepth, config.decoderHeads) = (32, 1, 2)
        (config.textDepth, config.textHeads, config.textIntermediate) = (2, 4, 96)
        (config.vocabulary, config.maxTokens, config.maxPositions, config.projection) = (211, 24, 40, 16)
        if stage == .pretrain { config.givenTextWidth = 24 }
        return config
    }

    init(
        _ stage: Stage = .align, trainable: TrainableSet = .adapters, dropoutRate: Double = 0,
        format: NumberFormat = .full
    ) throws {
        engine = try Engine(threads: 1, format: format)
        weights = try ModelWeights.make(
            config: SampleModel.config(stage), trainable: trainable, source: NonzeroWeights(), engine: engine)
        model = weights.model(dropoutRate: dropoutRate)
    }

    /// The same weights with what only the stage `align` has.
    var aligned: AltaModel { AltaModel.make(weights: weights, dropoutRate: 0.1) }

    /// A ledger for this model's trainable weights.
    func ledger(_ sum: GradientSum, globalBatch: Int) -> GradientLedger {
        GradientLedger.make(
            sum: sum, shapes: weights.trainableSpecs.map { ($0.rows, $0.columns) }, globalBatch: globalBatch,
            engine: engine)
    }

    /// Copies of the outputs of a pass that does not record.
    func pass(_ studies: [PreparedStudy], counts: LossCounts?) -> PassCopy {
        let arena = Arena()
        return withExtendedLifetime(arena) {
            PassCopy(model.forward(studies, counts: counts, on: Tape(engine: engine, arena: arena, ledger: nil)))
        }
    }
}

/// Outputs that outlive their tape, study by study.
struct PassCopy: Equatable {
    /// The embeddings of each study.
    var studies: [[String: [UInt32]]] = []
    var imageErrors: [Double] = []
    var textErrors: [Double] = []
    var isFinite = true

    init(_ output: ModelOutput) {
        let named = Dictionary(uniqueKeysWithValues: output.named.map { ($0.name, $0.variable) })
        studies = (0..<(output.joint?.imageGlobal.studies.count ?? 0)).map { study in
            named.mapValues { variable in
                variable.value.rows(variable.studies[study]).toArray().map(\.bitPattern)
            }
        }
        imageErrors = output.imageErrors
        textErrors = output.textErrors
        isFinite = named.values.allSatisfy { $0.value.elements.allSatisfy(\.isFinite) }
    }
}

extension ModelOutput {
    /// The embeddings under names of their own; none in pretraining.
    var named: [(name: String, variable: Variable)] {
        guard let joint else { return [] }
        return [
            ("image", joint.imageGlobal), ("text", joint.textGlobal), ("patches", joint.patches),
            ("words", joint.words),
        ]
    }
}

/// One made-up study; every part of it depends on `number` alone.
struct SampleStudy {
    let number: Int
    var absent: Set<View> = []
    var tokens = 9
    var masked: [Int] = [1, 4, 5]
    var isGrey = false
    var greyChannels = 3

    var prepared: PreparedStudy {
        let config = SampleModel.config
        let ids = (0..<tokens).map { Int32(key.child(50).integer($0, below: config.vocabulary)) }
        return PreparedStudy(
            index: StudyIndex(number), large: image(9, side: 2 * config.imageSize),
            views: View.allCases.map { absent.contains($0) ? nil : image($0.rawValue, side: config.imageSize) },
            patchOrders: View.allCases.map { key.child(UInt64(20 + $0.rawValue)).permutation(config.patches) },
            report: PreparedReport(ids: ids, maskedPositions: masked, maskID: 4),
            dropoutKey: RandomKey(seed: 2, epoch: 0, study: StudyIndex(number), purpose: .dropout))
    }

    private var key: RandomKey { RandomKey(seed: 8, purpose: .test).child(UInt64(number)) }

    private func image(_ stream: Int, side: Int) -> PlanarImage {
        let channels = isGrey ? 1 : 3
        let plane = side * side
        var pixels = (0..<channels * plane).map { key.child(UInt64(stream)).uniform($0) * 2 - 1 }
        if isGrey && greyChannels == 3 { pixels += pixels + pixels }
        return PlanarImage(
            channels: isGrey ? greyChannels : 3, height: side, width: side, pixels: pixels)
    }

    /// Studies of different lengths and with different radiographs.
    static let ragged = [
        SampleStudy(number: 0), SampleStudy(number: 1, absent: [.priorFrontal, .priorAuxiliary], tokens: 24),
        SampleStudy(number: 2, absent: [.currentAuxiliary], tokens: 2, masked: []),
        SampleStudy(number: 3, absent: [.currentAuxiliary, .priorFrontal, .priorAuxiliary], tokens: 17, masked: [15]),
    ].map(\.prepared)

    /// What the summed losses of `ragged` are divided by.
    static let raggedCounts = LossCounts(hiddenPatches: 4 * 12, maskedTokens: 7)
}
