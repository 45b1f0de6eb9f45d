import AltaCore
import AltaTensor
import Testing

/// fp32 sums over a row of up to 768 against double ones.
private let rowTolerance: Float = 3e-6

/// Widths with and without a vector tail, and with one that does not divide a run of dropout words.
private let widths = [1, 17, 64, 96, 768]
private let rowCount = 67

/// A block's sum and norm, with everything on the way back.
private struct Block {
    let x: Matrix
    let sum: Matrix
    let half: HalfMatrix
    let full: Matrix
    let statistics: Matrix
    let dx: Matrix
    let gradients: [HalfMatrix]
}

@Suite struct HalfNormTests {
    private let arena = Arena()

    private func dropout(_ lengths: [Int]) -> RowDropout {
        RowDropout(
            rate: 0.25, keys: lengths.map { RandomKey(seed: 5, purpose: .dropout).child(UInt64($0)) },
            sequences: Segments(lengths: lengths))
    }

    /// Runs a block over the rows `rows` of fixed operands.
    private func run(_ engine: Engine, width: Int, rows: Range<Int>, drops: RowDropout?) -> Block {
        let operand = { (seed: UInt64) in normalMatrix(arena, rowCount, width, seed: seed).rows(rows) }
        let half = { (seed: UInt64) in normalHalfMatrix(arena, rowCount, width, seed: seed).rows(rows) }
        let parameters = normalMatrix(arena, 2, width, seed: 9)
        let statistics = arena.matrix(2, rows.count)
        let norm = NormOperands(
            gamma: parameters.row(0), beta: parameters.row(1), epsilon: 1e-5, mean: statistics.row(0),
            reciprocalDeviation: statistics.row(1))
        let block = Block(
            x: operand(1), sum: arena.matrix(rows.count, width), half: arena.halfMatrix(rows.count, width),
            full: arena.matrix(rows.count, width), statistics: statistics, dx: operand(6),
            gradients: [half(7), half(8)])
        engine.layerNorm(
            block.x, adding: ResidualBranch(half(2), dropout: drops), ResidualBranch(half(3), scale: 0.1),
            sum: block.sum, norm: norm, half: block.half, full: block.full)
        engine.layerNormBackward(
            dHalf: half(4), dFull: operand(5), dSum: block.dx, sum: block.sum, norm: norm, into: block.dx,
            branches: ResidualBranch(block.gradients[0], dropout: drops),
            ResidualBranch(block.gradients[1], scale: 0.1))
        return block
    }

    @Test(arguments: widths, [false, true]) func sumNormAndGradients(width: Int, drops: Bool) throws {
        let lengths = [20, 0, 30, 17]
        let dropout = drops ? dropout(lengths) : nil
        let one = run(try Engine(threads: 1), width: width, rows: 0..<rowCount, drops: dropout)
        let (first, second) = (
            normalHalfMatrix(arena, rowCount, width, seed: 2), normalHalfMatrix(arena, rowCount, width, seed: 3)
        )
        let branches = [ResidualBranch(first, dropout: dropout), ResidualBranch(second, scale: 0.1)]
        let expected = (0..<5).map { _ in arena.matrix(rowCount, width) }
        Naive.residual(one.x, adding: branches, into: expected[0])
        #expect(relativeError(one.sum, expected[0]) < rowTolerance)
        let parameters = normalMatrix(arena, 2, width, seed: 9)
        let statistics = arena.matrix(2, rowCount)
        Naive.layerNorm(
            one.sum, gamma: parameters.row(0), beta: parameters.row(1), epsilon: 1e-5, into: expected[1],
            mean: statistics.row(0), reciprocalDeviation: statistics.row(1))
        #expect(relativeError(one.full, expected[1]) < rowTolerance)
        #expect(excessOverRounding(one.half, expected[1]) < 10 * rowTolerance)
        #expect(relativeError(one.statistics, statistics) < rowTolerance)
        let dy = arena.matrix(rowCount, width)
        Naive.add(
            normalHalfMatrix(arena, rowCount, width, seed: 4).widened(arena),
            normalMatrix(arena, rowCount, width, seed: 5), into: dy)
        expected[2].copy(from: normalMatrix(arena, rowCount, width, seed: 6))
        Naive.layerNormBackward(
            dy, x: one.sum, gamma: parameters.row(0), mean: statistics.row(0),
            reciprocalDeviation: statistics.row(1), into: expected[2], accumulate: true)
        #expect(relativeError(one.dx, expected[2]) < rowTolerance || width == 1)
        for (index, branch) in branches.enumerated() {
            Naive.branchGradient(one.dx, branch, into: expected[3])
            #expect(excessOverRounding(one.gradients[index], expected[3]) < rowTolerance, "branch \(index)")
        }
    }

    @Test(arguments: widths) func rowsDoNotDependOnNeighboursOrThreads(width: Int) throws {
        let lengths = [20, 0, 30, 17]
        let one = run(try Engine(threads: 1), width: width, rows: 0..<rowCount, drops: dropout(lengths))
        let two = run(try Engine(threads: 2), width: width, rows: 0..<rowCount, drops: dropout(lengths))
        let part = run(try Engine(threads: 1), width: width, rows: 20..<50, drops: dropout([30]))
        for (other, rows) in [(two, 0..<rowCount), (part, 20..<50)] {
            #expect(other.sum.hasBits(of: one.sum.rows(rows)))
            #expect(other.half.hasBits(of: one.half.rows(rows)))
            #expect(other.full.hasBits(of: one.full.rows(rows)))
            #expect(other.dx.hasBits(of: one.dx.rows(rows)))
            for index in 0..<2 { #expect(other.gradients[index].hasBits(of: one.gradients[index].rows(rows))) }
        }
    }

    @Test(arguments: widths) func residualIsTheSumWithoutItsNorm(width: Int) throws {
        let dropout = dropout([20, 0, 30, 17])
        let (a, b) = (
            normalHalfMatrix(arena, rowCount, width, seed: 2), normalHalfMatrix(arena, rowCount, width, seed: 3)
        )
        let x = normalMatrix(arena, rowCount, width, seed: 1)
        for threads in [1, 2] {
            let engine = try Engine(threads: threads)
            let block = run(engine, width: width, rows: 0..<rowCount, drops: dropout)
            let (sum, half) = (arena.matrix(rowCount, width), arena.halfMatrix(rowCount, width))
            let branches = (ResidualBranch(a, dropout: dropout), ResidualBranch(b, scale: 0.1))
            engine.residual(x, adding: branches.0, branches.1, into: sum, half: half)
            #expect(sum.hasBits(of: block.sum))
            #expect((0..<sum.count).allSatisfy { half.base[$0] == BFloat16(sum.base[$0]) })
            let inPlace = arena.matrix(rowCount, width)
            inPlace.copy(from: x)
            engine.residual(inPlace, adding: branches.0, branches.1, into: inPlace)
            #expect(inPlace.hasBits(of: sum))
            let (dSum, dx) = (normalMatrix(arena, rowCount, width, seed: 11), arena.matrix(rowCount, width))
            let targets = (arena.halfMatrix(rowCount, width), arena.halfMatrix(rowCount, width))
            engine.residualBackward(
                dSum: dSum, dHalf: a, into: dx, branches: ResidualBranch(targets.0, dropout: dropout),
                ResidualBranch(targets.1, scale: 0.1))
            let expected = arena.matrix(rowCount, width)
            Naive.add(dSum, a.widened(arena), into: expected)
            #expect(relativeError(dx, expected) < rowTolerance)
            Naive.branchGradient(dx, branches.0, into: expected)
            #expect(excessOverRounding(targets.0, expected) < rowTolerance)
            Naive.branchGradient(dx, branches.1, into: expected)
            #expect(excessOverRounding(targets.1, expected) < rowTolerance)
            engine.residualBackward(dSum: dSum, into: dSum, branches: ResidualBranch(targets.1, scale: 0.1))
            Naive.branchGradient(dSum, branches.1, into: expected)
            #expect(excessOverRounding(targets.1, expected) < rowTolerance)
        }
    }

    @Test(arguments: widths + [1000], [1, 2]) func parameterGradients(width: Int, threads: Int) throws {
        let (dy, x) = (normalHalfMatrix(arena, rowCount, width, seed: 4), normalMatrix(arena, rowCount, width, seed: 1))
        let statistics = normalMatrix(arena, 2, rowCount, seed: 5)
        let (mean, deviation) = (statistics.row(0), statistics.row(1))
        let (got, expected) = (arena.matrix(2, width), arena.matrix(2, width))
        let engine = try Engine(threads: threads)
        for rows in [0..<rowCount, 5..<6, 13..<13] {
            engine.layerNormParameterGradient(
                dy, x: x, mean: mean, reciprocalDeviation: deviation, rows: rows, gammaGradient: got.row(0),
                betaGradient: got.row(1))
            Naive.layerNormParameterGradient(
                dy.widened(arena), x: x, mean: mean, reciprocalDeviation: deviation, rows: rows,
                gammaGradient: expected.row(0), betaGradient: expected.row(1))
            #expect(relativeError(got, expected) < rowTolerance)
        }
    }
}
