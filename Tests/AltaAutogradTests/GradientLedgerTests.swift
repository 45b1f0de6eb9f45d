import AltaAutograd
import AltaCore
import AltaTensor
import Testing

/// Order-free sums and what they refuse.
struct GradientLedgerTests {
    private let arena = Arena()

    /// Two layers over studies with `rows` rows; made once, swept in pieces.
    private struct Layers {
        let weights: ProgramWeights
        let w: Weight
        let b: Weight
        let gamma: Weight
        let x: Matrix
        let seed: Matrix
        let studies: Segments
        private let arena = Arena()

        init(studies: Segments, scale: Double = 1) throws {
            weights = try ProgramWeights()
            w = weights.trainable("w", 5, 6, packed: true)
            b = weights.trainable("b", 1, 5)
            gamma = weights.trainable("gamma", 1, 5)
            x = weights.normal(studies.rows, 6, scale: scale)
            seed = weights.normal(studies.rows, 5, scale: scale)
            self.studies = studies
        }

        func ledger(_ sum: GradientSum, globalBatch: Int) -> GradientLedger {
            GradientLedger.make(sum: sum, shapes: weights.shapes, globalBatch: globalBatch, engine: weights.engine)
        }

        /// Adds the gradient of some studies, packed in that order, to a ledger.
        func sweep(_ chosen: [Int], into ledger: GradientLedger) {
            let tape = Tape(engine: weights.engine, arena: arena, ledger: ledger)
            let rows = chosen.flatMap { Array(studies[$0]) }
            let segments = Segments(lengths: chosen.map { studies[$0].count })
            let (input, gradient) = (arena.matrix(rows.count, 6), arena.matrix(rows.count, 5))
            for (target, source) in rows.enumerated() {
                input.rows(target..<target + 1).copy(from: x.rows(source..<source + 1))
                gradient.rows(target..<target + 1).copy(from: seed.rows(source..<source + 1))
            }
            let y = tape.linear(tape.constant(input, studies: segments), w, bias: b)
            let z = tape.layerNorm(y, NormWeights(gamma: gamma, beta: b, epsilon: 1e-6))
            tape.backward(seeds: [(z, gradient)])
        }
    }

    @Test func orderAndGroupingLeaveTheBits() throws {
        let layers = try Layers(studies: Segments(lengths: [3, 17, 0, 1, 40, 2]))
        let groupings: [[[Int]]] = [
            [[0, 1, 2, 3, 4, 5]], [[5, 4, 3, 2, 1, 0]], [[0], [1], [2], [3], [4], [5]], [[4, 2], [5, 0, 1], [3]],
        ]
        let sums = groupings.map { grouping in
            let ledger = layers.ledger(.orderFree, globalBatch: 6)
            for group in grouping { layers.sweep(group, into: ledger) }
            ledger.settle()
            return ledger
        }
        for ledger in sums {
            #expect(ledger.isFinite)
            #expect(ledger.numbers.map(\.bitPattern) == sums[0].numbers.map(\.bitPattern))
            #expect(ledger.units == sums[0].units)
        }
        #expect(sums[0].numbers.allSatisfy { $0 != 0 })
    }

    /// Ranks add their int64 sums; the result has the bits of one rank that saw all studies.
    @Test func ranksAddUp() throws {
        let layers = try Layers(studies: Segments(lengths: [3, 17, 1, 40]))
        let whole = layers.ledger(.orderFree, globalBatch: 4)
        layers.sweep([0, 1, 2, 3], into: whole)
        let parts = [[2, 1], [0, 3]].map { share in
            let ledger = layers.ledger(.orderFree, globalBatch: 4)
            layers.sweep(share, into: ledger)
            return ledger
        }
        let sums = try #require(parts[0].fixedPoint)
        for (index, units) in parts[1].units.enumerated() { sums[index] += units }
        for ledger in [whole, parts[0]] { ledger.settle() }
        #expect(whole.numbers.map(\.bitPattern) == parts[0].numbers.map(\.bitPattern))
    }

    @Test func settleMakesFloatsOfUnits() throws {
        let engine = try Engine(threads: 1)
        let ledger = GradientLedger.make(sum: .orderFree, shapes: [(1, 2), (2, 1)], globalBatch: 1, engine: engine)
        let units = try #require(ledger.fixedPoint)
        for (index, value) in [Int64(1) << 44, -3 << 43, 0, 1].enumerated() { units[index] = value }
        ledger.settle()
        #expect(ledger.numbers(0) == [1, -1.5])
        #expect(ledger.numbers(1) == [0, 0x1p-44])
        ledger.reset()
        #expect(ledger.units.allSatisfy { $0 == 0 })
        ledger.settle()
        #expect(ledger.numbers.allSatisfy { $0 == 0 })
    }

    /// Nothing of a step is left in the next, though nothing is cleared between: in a slot that is used again, or is not.
    @Test(arguments: [GradientSum.orderFree, .floating]) func aResetLedgerIsAsNew(sum: GradientSum) throws {
        let layers = try Layers(studies: Segments(lengths: [3, 4]))
        let (used, new) = (layers.ledger(sum, globalBatch: 2), layers.ledger(sum, globalBatch: 2))
        layers.sweep([1, 0, 1], into: used)
        used.reset()
        for ledger in [used, new] {
            layers.sweep([0], into: ledger)
            layers.sweep([1], into: ledger)
            ledger.settle()
        }
        #expect(used.numbers.map(\.bitPattern) == new.numbers.map(\.bitPattern))
        used.reset()
        used.settle()
        #expect(used.numbers.allSatisfy { $0 == 0 })
        for slot in 0..<used.slotCount { used.close(slot) }
        #expect(used.numbers.allSatisfy { $0 == 0 })
    }

    @Test func floatingSumsAreTheFloats() throws {
        let layers = try Layers(studies: Segments(lengths: [3, 4]))
        let ledger = layers.ledger(.floating, globalBatch: 2)
        #expect(ledger.fixedPoint == nil)
        layers.sweep([0, 1], into: ledger)
        let before = ledger.numbers
        ledger.settle()
        #expect(ledger.numbers == before && before.contains { $0 != 0 })
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity, 0x1p17, -0x1p17])
    func refusesAndNamesAPartial(bad: Float) throws {
        let layers = try Layers(studies: Segments(lengths: [2, 1]))
        let ledger = layers.ledger(.orderFree, globalBatch: 2)
        layers.sweep([0], into: ledger)
        #expect(ledger.isFinite && ledger.firstBadSlot == nil)
        // Column sums: the bias of the norm gets the seed itself, as its only row is the study's.
        layers.seed.row(layers.studies[1].lowerBound)[3] = bad
        layers.sweep([1], into: ledger)
        #expect(!ledger.isFinite)
        #expect(ledger.firstBadSlot.map { layers.weights.trainables[$0].name }.map(["gamma", "b"].contains) == true)
        ledger.reset()
        #expect(ledger.isFinite && ledger.firstBadSlot == nil)
    }

    /// Floating sums refuse nothing; what is not finite is found by looking, in what this step wrote.
    @Test(arguments: [Float.nan, .infinity]) func findsASumThatIsNotFinite(bad: Float) throws {
        let layers = try Layers(studies: Segments(lengths: [2, 1]))
        let ledger = layers.ledger(.floating, globalBatch: 2)
        layers.sweep([0], into: ledger)
        #expect(ledger.firstNotFinite == nil)
        layers.seed.row(layers.studies[1].lowerBound)[3] = bad
        layers.sweep([1], into: ledger)
        let slots = layers.weights.trainables.indices.filter { slot in
            ledger.numbers(slot).contains { !$0.isFinite }
        }
        #expect(ledger.firstNotFinite == slots.first && !slots.isEmpty)
        ledger.reset()
        #expect(ledger.firstNotFinite == nil)
    }

    /// The first refused slot stays the one that is named.
    @Test func namesTheFirst() throws {
        let ledger = try addToBias([.nan], globalBatch: 1, slots: 2)
        #expect(ledger.firstBadSlot == 1)
    }

    /// Before partials were bounded by the global batch, 2^17.99 + 2^17.99 wrapped and looked finite.
    @Test(arguments: [1, 2, 3, 96, 4096]) func aGlobalBatchOfTheLargestPartialsDoesNotWrap(globalBatch: Int) throws {
        let limit = GradientLedger.make(
            sum: .orderFree, shapes: [(1, 1)], globalBatch: globalBatch, engine: try Engine(threads: 1)
        ).largestPartial
        #expect(Double(limit) * Double(globalBatch) <= 0x1p18 * (1 + 0x1p-24))
        // Twice: the word embeddings get two partials of a study.
        let values = [Float](repeating: limit.nextDown, count: 2 * globalBatch)
        let ledger = try addToBias(values, globalBatch: globalBatch)
        #expect(ledger.isFinite)
        let expected = Double(limit.nextDown) * Double(2 * globalBatch)
        #expect(abs(Double(ledger.numbers(0)[0]) - expected) <= 1e-7 * expected)
        #expect(try !addToBias([limit], globalBatch: globalBatch).isFinite)
        #expect(try !addToBias([-limit], globalBatch: globalBatch).isFinite)
    }

    /// Adds each value as the only partial of one study to the last slot, a bias of one number.
    private func addToBias(_ values: [Float], globalBatch: Int, slots: Int = 1) throws -> GradientLedger {
        let weights = try ProgramWeights()
        let biases = (0..<slots).map { weights.trainable("bias \($0)", 1, 1) }
        let w = weights.frozen("w", 1, 1, packed: true)
        let ledger = GradientLedger.make(
            sum: .orderFree, shapes: weights.shapes, globalBatch: globalBatch, engine: weights.engine)
        let tape = Tape(engine: weights.engine, arena: arena, ledger: ledger)
        let (x, seed) = (arena.matrix(values.count, 1), arena.matrix(values.count, 1))
        x.fill(0)
        seed.copy(from: values)
        let y = tape.linear(
            tape.constant(x, studies: Segments(count: values.count, length: 1)), w, bias: biases[slots - 1])
        tape.backward(seeds: [(y, seed)])
        ledger.settle()
        return ledger
    }
}
