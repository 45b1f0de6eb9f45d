import AltaCore
import AltaTensor

/// The weights that make tokens of embedded patches; shapes with P = patches of a view, W = width. The last three are nil in a
/// model of one radiograph a study.
public struct VisionTokenWeights {
    /// `[1, W]`.
    public let classToken: Weight
    /// `[1 + P, W]`: CLS, then the patches.
    public let positions: Weight
    /// `[2, W]`: current, prior.
    public let temporal: Weight?
    /// `[2, W]`: frontal, auxiliary.
    public let view: Weight?
    /// `[P, W]`: what stands for the patches of an absent radiograph.
    public let missing: Weight?

    /// Stores the five weights.
    public init(classToken: Weight, positions: Weight, temporal: Weight?, view: Weight?, missing: Weight?) {
        self.classToken = classToken
        self.positions = positions
        self.temporal = temporal
        self.view = view
        self.missing = missing
    }

    /// Those that this model has.
    var all: [Weight] { [classToken, positions, temporal, view, missing].compactMap { $0 } }

    var anyTrains: Bool {
        all.contains { $0.trainable != nil }
    }
}

extension Tape {
    /// The input of the ViT: CLS and patch tokens with position, temporal and view embedding.
    ///
    /// Source: `ALTA.tokens` of the reference, on packed sequences.
    /// - Parameters:
    ///   - patches: the embedded visible patches of the radiographs that are there, `[visible, W]`; nil: none is there.
    ///   - layout: which rows make which radiograph.
    /// - Returns: `[layout.sequences.rows, W]`.
    public func visionTokens(_ patches: Variable?, layout: VisionLayout, weights: VisionTokenWeights) -> Variable {
        let values = values(layout.sequences.rows, weights.classToken.value.columns, .sums)
        let operation = VisionTokensOperation(patches: patches, layout: layout, weights: weights, y: gradientCount)
        operation.forward(into: values.primary.matrix, engine: engine)
        let y = variable(
            values, studies: layout.studies, needsGradient: patches?.needsGradient == true || weights.anyTrains)
        record(operation, if: y.needsGradient)
        return y
    }
}

private struct VisionTokensOperation: TapeOperation {
    let patches: Variable?
    let layout: VisionLayout
    let weights: VisionTokenWeights
    let y: Int
    var outputs: [Int] { [y] }
    var parameters: [Weight] { weights.all }

    func forward(into value: Matrix, engine: Engine) {
        let place = engine.scratch
        let mark = place.mark
        let sum = place.matrix(1, value.columns)
        for (index, view) in layout.views.enumerated() {
            let rows = layout.sequences[index]
            let hasPlace = placeEmbedding(of: view.view, into: sum, engine: engine)
            for (position, row) in rows.enumerated() {
                let target = value.rows(row..<row + 1)
                let (source, place) = tokenSource(view, position)
                engine.add(source, weights.positions.value.rows(place..<place + 1), scaleY: 1, into: target)
                if hasPlace { engine.addInto(target, sum, scale: 1) }
            }
        }
        place.release(to: mark)
    }

    /// The sum of a radiograph's view and temporal embedding; false where the model has neither.
    private func placeEmbedding(of view: View, into sum: Matrix, engine: Engine) -> Bool {
        guard let sides = weights.view?.value, let times = weights.temporal?.value else { return false }
        let (temporal, side) = VisionTokensOperation.placeRows(view)
        engine.add(sides.rows(side..<side + 1), times.rows(temporal..<temporal + 1), scaleY: 1, into: sum)
        return true
    }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        guard let dy = gradients[0]?.matrix else { return }
        for block in tape.recordingLedger.blocks(of: layout.studies) {
            let views = layout.views.indices.filter { block.contains(layout.sequences[$0].lowerBound) }
            addPlaceGradients(dy, views: views, on: tape)
            addTokenGradients(dy, views: views, on: tape)
        }
        guard let patches else { return }
        tape.addFullGradient(to: patches) { dx, accumulate in
            if !accumulate { dx.fill(0) }
            for (index, view) in layout.views.enumerated() {
                guard let first = view.firstPatchRow else { continue }
                let count = view.patches.count
                let start = layout.sequences[index].lowerBound + 1
                tape.engine.addInto(dx.rows(first..<first + count), dy.rows(start..<start + count), scale: 1)
            }
        }
    }

    /// The rows of `temporal_embedding` and `view_embedding` that a radiograph gets.
    private static func placeRows(_ view: View) -> (temporal: Int, side: Int) {
        (view.isCurrent ? 0 : 1, view.isFrontal ? 0 : 1)
    }

    /// What token `position` of a radiograph is made of: a row, and a row of the position table.
    private func tokenSource(_ view: ViewTokens, _ position: Int) -> (row: Matrix, place: Int) {
        guard position > 0 else { return (weights.classToken.value, 0) }
        let patch = view.patches[position - 1]
        guard let first = view.firstPatchRow else {
            guard let missing = weights.missing else { preconditionFailure("no token for an absent radiograph") }
            return (missing.value.rows(patch..<patch + 1), patch + 1)
        }
        guard let patches else { preconditionFailure("no patches for a radiograph that is there") }
        let row = first + position - 1
        return (patches.value.rows(row..<row + 1), patch + 1)
    }

    /// Temporal and view embedding stand in every token of their radiographs.
    private func addPlaceGradients(_ dy: Matrix, views: [Int], on tape: Tape) {
        guard weights.temporal?.trainable != nil || weights.view?.trainable != nil else { return }
        let mark = tape.engine.scratch.mark
        let sums = tape.engine.scratch.matrix(4, dy.columns)
        sums.fill(0)
        let one = tape.engine.scratch.matrix(1, dy.columns)
        for index in views {
            let (temporal, side) = VisionTokensOperation.placeRows(layout.views[index].view)
            tape.engine.columnSums(dy, rows: layout.sequences[index], into: one.base)
            tape.engine.addInto(sums.rows(temporal..<temporal + 1), one, scale: 1)
            tape.engine.addInto(sums.rows(2 + side..<3 + side), one, scale: 1)
        }
        for (weight, rows) in [(weights.temporal, 0..<2), (weights.view, 2..<4)] {
            guard let weight = weight?.trainable else { continue }
            tape.recordingLedger.addSparse(to: weight) { tape.engine.addInto($0, sums.rows(rows), scale: 1) }
        }
        tape.engine.scratch.release(to: mark)
    }

    private func addTokenGradients(_ dy: Matrix, views: [Int], on tape: Tape) {
        let ledger = tape.recordingLedger
        let engine = tape.engine
        if let weight = weights.classToken.trainable {
            ledger.addSparse(to: weight) { target in
                for index in views {
                    let row = layout.sequences[index].lowerBound
                    engine.addInto(target, dy.rows(row..<row + 1), scale: 1)
                }
            }
        }
        if let weight = weights.positions.trainable {
            ledger.addSparse(to: weight) { target in
                for index in views {
                    let places = [0] + layout.views[index].patches.map { $0 + 1 }
                    engine.addRows(of: dy, from: layout.sequences[index].lowerBound, to: places, of: target)
                }
            }
        }
        if let weight = weights.missing?.trainable {
            ledger.addSparse(to: weight) { target in
                for index in views where layout.views[index].firstPatchRow == nil {
                    let start = layout.sequences[index].lowerBound + 1
                    engine.addRows(of: dy, from: start, to: layout.views[index].patches, of: target)
                }
            }
        }
    }
}

extension Engine {
    /// Adds consecutive rows of `source`, from row `first` on, to the rows `targets` of `table`.
    func addRows(of source: Matrix, from first: Int, to targets: [Int], of table: Matrix) {
        for (offset, target) in targets.enumerated() {
            let row = first + offset
            addInto(table.rows(target..<target + 1), source.rows(row..<row + 1), scale: 1)
        }
    }
}
