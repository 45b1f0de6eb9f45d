import AltaAutograd
import AltaComm
import AltaCore
import AltaData
import AltaFormats
import AltaModel
import AltaObjective
import AltaTensor

/// Recomputes a fixture with the code that trains, its studies split over the ranks at hand.
public struct Verification {
    /// How far fp32 may be from the reference: the reference itself moves by about a tenth of this between libraries.
    /// What bf16 may be is in `HalfTolerance`.
    public enum Tolerance {
        /// Relative, of each loss.
        public static let loss = 1e-5
        /// Relative norm, of each gradient.
        public static let gradient = 2e-4
        /// Relative, of the gradient of each logit scale: a sum of terms a hundred times larger that cancel. On a fixture
        /// with other shapes the fp32 reference was 4e-4 from its own fp64 run there, and this system 1.3e-4.
        public static let scaleGradient = 1e-3
        /// Relative norm, of each stepped weight.
        public static let stepped = 1e-4
        /// Relative norm, of embeddings and inference outputs.
        public static let embedding = 1e-5
    }

    let fixture: Fixture
    let context: RankContext
    let microBatch: Int
    let notice: (String) -> Void

    let precision: Precision

    private var collectives: any Collectives { context.collectives }
    private var engine: Engine { context.engine }

    /// Collective. Computes everything the fixture holds and compares it.
    ///
    /// - Parameters:
    ///   - precision: fp32 or bf16; a machine without instructions for bf16 computes it too, slowly.
    ///   - microBatch: studies in flight on a rank; 0: its whole share.
    ///   - dump: where rank 0 writes what was computed, whether or not it agrees; nil: nowhere.
    ///   - notice: is told, on rank 0, where memory cannot be shared.
    public static func run(
        fixture path: String, context joined: RankContext, precision: Precision = .fp32, microBatch: Int,
        dump: String?, notice: @escaping (String) -> Void = { _ in }
    ) throws -> VerificationReport {
        let fixture = try joined.agree { try Fixture.load(path) }
        let context = try joined.agree { try joined.computing(in: precision) }
        let verification = Verification(
            fixture: fixture, context: context,
            microBatch: microBatch > 0 ? microBatch : max(fixture.studies.count, 1), notice: notice,
            precision: precision)
        let computed = try verification.compute()
        return try context.agree {
            if let dump, context.isFirst { try computed.write(to: dump) }
            return try precision == .bf16 ? verification.compareHalf(computed) : verification.compare(computed)
        }
    }

    private func compute() throws -> ComputedTensors {
        let source = FileWeights(file: fixture.file, prefix: "weights/")
        let weights = try context.loadWeights(
            fixture.config, trainable: RunConfig(stage: fixture.config.stage).trainable, source: source,
            notice: notice
        ).weights
        let reducer = try GradientReducer.make(
            sum: .orderFree, model: fixture.config, trainable: RunConfig(stage: fixture.config.stage).trainable,
            globalBatch: fixture.studies.count, context: context, notice: notice)
        let step = TrainStep.make(
            weights: weights, dropout: TextDropoutRates(0), reducer: reducer, microBatch: microBatch, context: context)
        var computed = ComputedTensors()
        if let model = step.model as? AltaModel { try addInference(model, to: &computed) }
        let optimizer = Optimizer.make(weights: weights, constants: fixture.recipe.constants)
        try addGradients(step, to: &computed)
        for rate in fixture.recipe.rates {
            _ = try step.gradients(share, plan: plan, counts: counts)
            optimizer.update(weights, gradients: step.ledger, rate: rate, engine: engine)
        }
        for (slot, spec) in weights.trainableSpecs.enumerated() {
            computed.add("stepped/", spec, weights.trainables[slot].value)
        }
        try reducer.free()
        return computed
    }

    private var plan: StepPlan {
        let costs = fixture.studies.map(\.report.ids.count)
        return StepPlan(
            step: 0, epoch: 0, fractionalEpoch: 0, studies: fixture.studies.map(\.index),
            shares: BatchPlan.deal(costs: costs, rankCount: collectives.rankCount))
    }

    private var share: [PreparedStudy] { plan.shares[collectives.rank].map { fixture.studies[$0] } }

    private var counts: LossCounts {
        LossCounts(
            studies: fixture.studies.count, maskedTokens: fixture.studies.reduce(0) { $0 + $1.report.labels.count },
            model: fixture.config)
    }

    private func addGradients(_ step: TrainStep, to computed: inout ComputedTensors) throws {
        let result = try step.gradients(share, plan: plan, counts: counts)
        for (name, value) in result.losses.named { computed.add("losses/\(name)", [1], [Float(value)]) }
        let weights = step.model.weights
        for (slot, spec) in weights.trainableSpecs.enumerated() {
            computed.add("gradients/", spec, step.ledger.gradient(slot))
        }
        if let own = result.embeddings { try addEmbeddings(own, to: &computed) }
    }

    private func addEmbeddings(_ own: LocalEmbeddings, to computed: inout ComputedTensors) throws {
        let gather = ShareGather(collectives: collectives, shares: plan.shares)
        let studies = 0..<own.count
        let perStudy = own.patchesPerStudy
        let width = fixture.config.projection
        let count = fixture.studies.count
        for (name, matrix) in [("image_global", own.imageGlobal), ("text_global", own.textGlobal)] {
            let rows = try gather.gather(studies.map { matrix.rows($0..<$0 + 1).toArray() })
            computed.add("embeddings/\(name)", [count, width], rows.flatMap { $0 })
        }
        let patches = try gather.gather(
            studies.map { own.patches.rows($0 * perStudy..<($0 + 1) * perStudy).toArray() })
        computed.add(
            "embeddings/image_local", [count, View.count * fixture.config.kept, width], patches.flatMap { $0 })
        // The reference's `word_counts`: a report that fills all positions counts as 127, the published code's constant.
        computed.addIntegers(
            "embeddings/words",
            fixture.studies.map { $0.report.ids.count == fixture.config.maxTokens ? 127 : $0.report.ids.count - 1 })
        let words = try gather.gather(studies.map { own.words.rows(own.wordSegments[$0]).toArray() })
        computed.addPadded("embeddings/text_local", words, rows: fixture.config.maxTokens - 1, width: width)
    }

    private func addInference(_ model: AltaModel, to computed: inout ComputedTensors) throws {
        guard !fixture.names(in: "inference/").isEmpty else { return }
        let auxiliary = try fixture.inferenceImages()
        let positions = plan.shares[collectives.rank]
        let arena = Arena()
        let tape = Tape(engine: engine, arena: arena, ledger: nil)
        let gather = ShareGather(collectives: collectives, shares: plan.shares)
        let images = model.encodeFrontal(positions.map { auxiliary[$0] }, on: tape)
        let texts = model.encodeReports(positions.map { fixture.studies[$0].report.ids }, on: tape)
        for (name, matrix) in [("image", images), ("text", texts)] {
            let rows = try gather.gather(positions.indices.map { matrix.rows($0..<$0 + 1).toArray() })
            computed.add("inference/\(name)", [fixture.studies.count, fixture.config.projection], rows.flatMap { $0 })
        }
    }
}

extension Fixture {
    /// The radiographs that the fixture's inference encoded: its auxiliary views, absent ones as zeros.
    fileprivate func inferenceImages() throws -> [PlanarImage] {
        let side = config.imageSize
        return studies.map { study in
            study.views[View.currentAuxiliary.rawValue]
                ?? PlanarImage(
                    channels: 1, height: side, width: side, pixels: [Float](repeating: 0, count: side * side))
        }
    }
}
