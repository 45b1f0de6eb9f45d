import AltaAutograd
import AltaCore
import AltaData
import AltaModel
import AltaTensor
import Testing

/// Absent views that are encoded once for all studies, against the same views encoded in each of them.
struct AbsentViewTests {
    /// Of a gradient, relative in norm: the same sums in another order. Measured: 6e-7.
    private static let tolerance = 5e-6
    /// The same in bf16, where a gradient of several studies is rounded once and not in each. Measured: 9e-3.
    private static let halfTolerance = 0x1p-6
    private static let step = 3
    private static let config = SampleModel.config
    private let arena = Arena()
    private let sharedArena = Arena()

    private static func mask(_ view: View, step: Int = step, seed: UInt64 = 1) -> [Int] {
        AbsentViewEncoder.mask(view, step: step, seed: seed, config: config)
    }

    /// The ragged studies, where every absent view has the mask of the step.
    private static var studies: [PreparedStudy] {
        SampleStudy.ragged.map { study in
            let orders = View.allCases.map { view in
                guard study.views[view.rawValue] == nil else { return study.patchOrders[view.rawValue] }
                let visible = mask(view)
                return visible + (0..<config.patches).filter { !visible.contains($0) }
            }
            return PreparedStudy(
                index: study.index, large: study.large, views: study.views, patchOrders: orders, report: study.report,
                dropoutKey: study.dropoutKey)
        }
    }

    @Test(arguments: TrainableSet.allCases, NumberFormat.allCases)
    func sharedViewsAreThoseOfEachStudy(trainable: TrainableSet, format: NumberFormat) throws {
        let sample = try SampleModel(trainable: trainable, dropoutRate: 0.1, format: format)
        let each = pass(sample, micro: 4, isShared: false)
        let shared = pass(sample, micro: 4, isShared: true)
        // The products' rows do not depend on their neighbours, so the forward pass has the same bits.
        #expect(shared.copies == each.copies)
        #expect(each.ledger.isFinite && shared.ledger.isFinite)
        for (slot, spec) in sample.weights.trainableSpecs.enumerated() {
            let (a, b) = (each.ledger.gradient(slot).toArray(), shared.ledger.gradient(slot).toArray())
            let size = norm(a)
            let error = norm(zip(a, b).map { $0 - $1 })
            let limit = format == .half ? AbsentViewTests.halfTolerance : AbsentViewTests.tolerance
            #expect(error <= limit * size, "\(spec.name): \(error / size) of \(size)")
        }
    }

    /// Micro-batches, and so ranks, change no bit; studies' own masks of absent views are not looked at.
    @Test(arguments: NumberFormat.allCases) func microBatchesLeaveEveryBit(format: NumberFormat) throws {
        let sample = try SampleModel(dropoutRate: 0.1, format: format)
        let whole = pass(sample, micro: 4, isShared: true)
        for micro in [1, 2, 3] {
            let other = pass(sample, micro: micro, isShared: true, studies: SampleStudy.ragged)
            #expect(other.copies.flatMap(\.studies) == whole.copies.flatMap(\.studies))
            for slot in sample.weights.trainableSpecs.indices {
                #expect(
                    other.ledger.gradient(slot).toArray().map(\.bitPattern)
                        == whole.ledger.gradient(slot).toArray().map(\.bitPattern), "\(micro), slot \(slot)")
            }
        }
    }

    @Test func aMaskIsOfSeedStepAndViewAlone() {
        let views = AbsentViewEncoder.views
        var masks: Set<[Int]> = []
        for view in views {
            for (step, seed) in [(0, UInt64(1)), (1, 1), (2, 1), (0, 2)] {
                let mask = Self.mask(view, step: step, seed: seed)
                #expect(mask == Self.mask(view, step: step, seed: seed))
                #expect(mask.count == Self.config.kept && Set(mask).isSubset(of: 0..<Self.config.patches))
                #expect(Set(mask).count == mask.count)
                masks.insert(mask)
            }
        }
        #expect(masks.count == 4 * views.count)
    }

    /// 4 of 16 patches are visible: each in a quarter of the steps, within five standard deviations.
    @Test func everyPatchIsVisibleEquallyOften() {
        let steps = 4000
        for view in AbsentViewEncoder.views {
            var counts = Array(repeating: 0, count: Self.config.patches)
            for step in 0..<steps {
                for patch in Self.mask(view, step: step) { counts[patch] += 1 }
            }
            let share = Double(Self.config.kept) / Double(Self.config.patches)
            let deviation = (Double(steps) * share * (1 - share)).squareRoot()
            for count in counts { #expect(abs(Double(count) - share * Double(steps)) < 5 * deviation) }
        }
    }

    private struct Pass {
        var copies: [PassCopy] = []
        let ledger: GradientLedger
    }

    /// A step as training takes it: the shared views, the studies micro-batch by micro-batch, the shared views' sweep.
    private func pass(
        _ sample: SampleModel, micro: Int, isShared: Bool, studies: [PreparedStudy] = AbsentViewTests.studies
    ) -> Pass {
        sharedArena.release(to: .start)
        var result = Pass(ledger: sample.ledger(.orderFree, globalBatch: 4))
        let sharedTape = Tape(engine: sample.engine, arena: sharedArena, ledger: result.ledger)
        let count = 1 + Self.config.kept
        let views = AbsentViewEncoder.views
        let sums = GradientLedger.make(
            sum: .orderFree, shapes: views.map { _ in (count, Self.config.width) }, globalBatch: 4,
            engine: sample.engine)
        let encoded = AbsentViewEncoder.make(weights: sample.weights)(
            views.map { ($0, Self.mask($0)) }, on: sharedTape)
        let blocks = views.indices.map { encoded.value.rows($0 * count..<($0 + 1) * count) }
        let absent = isShared ? SharedRows(blocks: blocks, ledger: sums) : nil
        for start in stride(from: 0, to: studies.count, by: micro) {
            arena.release(to: .start)
            let range = start..<min(start + micro, studies.count)
            let tape = Tape(engine: sample.engine, arena: arena, ledger: result.ledger)
            let output = sample.model.forward(
                Array(studies[range]), counts: SampleStudy.raggedCounts, absent: absent, on: tape)
            result.copies.append(PassCopy(output))
            tape.backward(seeds: seeds(output, first: start))
        }
        sums.settle()
        if isShared {
            let gradient = sharedArena.matrix(encoded.rows, encoded.columns)
            for slot in views.indices {
                gradient.rows(slot * count..<(slot + 1) * count).copy(from: sums.gradient(slot))
            }
            sharedTape.backward(seeds: [(encoded, gradient)])
        }
        result.ledger.settle()
        return result
    }

    /// Fixed numbers, of a study's place in the batch.
    private func seeds(_ output: ModelOutput, first: Int) -> [(Variable, Matrix)] {
        output.named.enumerated().map { number, named in
            let variable = named.variable
            let seed = arena.matrix(variable.rows, variable.columns)
            for study in 0..<variable.studies.count {
                let key = RandomKey(seed: 5, purpose: .test).child(UInt64(number)).child(UInt64(first + study))
                let rows = seed.rows(variable.studies[study])
                for element in 0..<rows.count { rows.base[element] = 0.1 * (key.uniform(element) - 0.5) }
            }
            return (variable, seed)
        }
    }

    private func norm(_ numbers: [Float]) -> Double {
        numbers.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
}
