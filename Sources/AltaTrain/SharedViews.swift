import AltaAutograd
import AltaComm
import AltaCore
import AltaData
import AltaModel
import AltaTensor

/// `absent_views: shared`: in a step all absent radiographs of a view have one mask, and a rank encodes them once.
///
/// The studies' sweeps add their gradients of the encoded rows to a ledger, whose sum over ranks has the same bits however
/// studies were dealt. One rank goes back from there: to the weights it is one more partial. That rank is the last one,
/// which is dealt the least.
struct SharedViews {
    private let encoder: AbsentViewEncoder
    private let config: ModelConfig
    private let seed: UInt64
    fileprivate let context: RankContext
    /// Keeps the encoded rows while micro-batches come and go.
    fileprivate let arena: Arena
    /// The gradients of the encoded rows, by slot of `AbsentViewEncoder.views`.
    fileprivate let ledger: GradientLedger

    /// What a run that asks for it shares; nil: every absent view is encoded in its study.
    static func make(
        _ choice: AbsentViews, weights: ModelWeights, seed: UInt64, globalBatch: Int, context: RankContext
    ) -> SharedViews? {
        guard choice == .shared else { return nil }
        let config = weights.config
        let shape = (rows: 1 + config.kept, columns: config.width)
        return SharedViews(
            encoder: .make(weights: weights), config: config, seed: seed, context: context, arena: Arena(),
            ledger: .make(
                sum: .orderFree, shapes: AbsentViewEncoder.views.map { _ in shape }, globalBatch: globalBatch,
                engine: context.engine))
    }

    /// False once a study's gradient of the rows was not finite or out of range in this step.
    var isFinite: Bool { ledger.isFinite }

    /// Forgets the gradients of the rows, and whether they were finite.
    func reset() { ledger.reset() }

    /// Collective, once in every step. Forgets the step before, and encodes the views that this rank's studies lack; the
    /// rank that sweeps, those that any study lacks.
    ///
    /// - Parameters:
    ///   - studies: this rank's share.
    ///   - weights: where the sweep adds the gradients of the weights.
    /// - Returns: nil on every rank where no study of the global batch lacks a view.
    func encode(_ studies: [PreparedStudy], step: Int, weights: GradientLedger) throws -> SharedPass? {
        // Also where no study lacks a view: whether the rows' gradients are finite is asked after every step.
        ledger.reset()
        let collectives = context.collectives
        let isOwn = AbsentViewEncoder.views.map { view in studies.contains { $0.views[view.rawValue] == nil } }
        let isAnyones = try context.clock.measure(.communication) {
            try collectives.allReduce(isOwn.map { Int64($0 ? 1 : 0) }, .maximum).map { $0 > 0 }
        }
        guard isAnyones.contains(true) else { return nil }
        let sweeps = collectives.rank == collectives.rankCount - 1
        let slots = isOwn.indices.filter { sweeps ? isAnyones[$0] : isOwn[$0] }
        arena.release(to: .start)
        let tape = Tape(engine: context.engine, arena: arena, ledger: sweeps ? weights : nil)
        return context.clock.measure(.forward) { pass(slots, step: step, on: tape) }
    }

    private func pass(_ slots: [Int], step: Int, on tape: Tape) -> SharedPass {
        var blocks: [Matrix?] = Array(repeating: nil, count: AbsentViewEncoder.views.count)
        var encoded: Variable?
        if !slots.isEmpty {
            let rows = encoder(
                slots.map { slot in
                    let view = AbsentViewEncoder.views[slot]
                    return (view, AbsentViewEncoder.mask(view, step: step, seed: seed, config: config))
                }, on: tape)
            for (place, slot) in slots.enumerated() { blocks[slot] = rows.value.rows(range(place)) }
            encoded = rows
        }
        return SharedPass(
            tape: tape, rows: SharedRows(blocks: blocks, ledger: ledger), views: self, slots: slots, encoded: encoded)
    }

    /// The rows of the view at `place` among those that are encoded.
    fileprivate func range(_ place: Int) -> Range<Int> {
        let count = 1 + config.kept
        return place * count..<(place + 1) * count
    }
}

/// The absent views of a step, encoded.
struct SharedPass {
    /// What they were encoded on; records on the rank that sweeps.
    let tape: Tape
    /// As the studies' tapes read them.
    let rows: SharedRows
    private let views: SharedViews
    /// The views that were encoded here, in their order in `encoded`.
    private let slots: [Int]
    /// nil: this rank's studies lack none.
    private let encoded: Variable?

    fileprivate init(tape: Tape, rows: SharedRows, views: SharedViews, slots: [Int], encoded: Variable?) {
        self.tape = tape
        self.rows = rows
        self.views = views
        self.slots = slots
        self.encoded = encoded
    }

    /// Collective, after the studies' sweeps. The gradient of the encoded rows over the global batch, as the seed of the
    /// tape's own sweep; none on a rank that does not sweep.
    func seeds() throws -> [(Variable, Matrix)] {
        let (ledger, context) = (views.ledger, views.context)
        try context.clock.measure(.communication) {
            if let sums = ledger.fixedPoint { try context.collectives.allReduce(sums, .sum) }
        }
        guard tape.isRecording, let encoded else { return [] }
        ledger.settle()
        let gradient = views.arena.matrix(encoded.rows, encoded.columns)
        for (place, slot) in slots.enumerated() {
            gradient.rows(views.range(place)).copy(from: ledger.gradient(slot))
        }
        return [(encoded, gradient)]
    }
}
