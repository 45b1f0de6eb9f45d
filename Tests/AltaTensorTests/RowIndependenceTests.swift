import AltaCore
import AltaTensor
import Testing

/// A row of a packed product has the same bits whatever the other rows: what reproducible runs rest on.
@Suite struct RowIndependenceTests {
    private static let shapes = [
        (64, 192), (768, 16), (64, 8), (64, 1), (16, 768), (65, 33), (192, 64), (768, 768), (1024, 192), (2304, 64),
        (3072, 64), (3072, 768),
    ]

    @Test(arguments: [1, 2], ((try? Engine.multipliesHalf()) ?? false) ? [NumberFormat.full, .half] : [.full])
    func aRowHasTheSameBitsInEveryProduct(threads: Int, format: NumberFormat) throws {
        let engine = try Engine(threads: threads, format: format)
        let single = try Engine(threads: 1, format: format)
        guard engine.checkRowIndependence() else {
            // Where oneDNN has no packed kernel it must be seen, since runs are then not reproducible.
            #expect(!engine.kernelNames { _ = engine.productError() }.allSatisfy { $0.hasPrefix("brg") })
            return
        }
        for (inputs, outputs) in Self.shapes {
            let arena = Arena()
            // Enough that the larger products are shared out to threads.
            let rows = 1500
            let x = arena.operand(normalMatrix(arena, rows, inputs, seed: 1), format)
            let bias = normalMatrix(arena, 1, outputs, seed: 3)
            let packed = engine.pack(normalMatrix(arena, outputs, inputs, seed: 2))
            #expect(engine.checkRowIndependence(of: packed), "\(inputs) to \(outputs)")
            let all = arena.operand(rows, outputs, format)
            single.forward(x, packed, bias: bias.base, into: all)
            for range in [
                0..<1, 0..<2, 5..<22, 7..<39, 2..<50, 0..<64, 9..<121, 0..<192, 3..<275, 0..<496, 0..<rows, 100..<rows,
                rows - 1..<rows,
            ] {
                let padded = arena.operand(range.count, outputs, format)
                engine.forward(x.rows(range), packed, bias: bias.base, into: padded)
                #expect(padded.hasBits(of: all.rows(range)), "\(inputs) to \(outputs), rows \(range)")
                let whole = arena.operand(normalMatrix(arena, range.count + 20, outputs, seed: 9), format)
                let before = arena.operand(normalMatrix(arena, range.count + 20, outputs, seed: 9), format)
                let inner = whole.rows(3..<3 + range.count)
                engine.forward(x.rows(range), packed, bias: bias.base, into: inner)
                #expect(inner.hasBits(of: all.rows(range)), "\(inputs) to \(outputs), rows \(range)")
                for rest in [0..<3, 3 + range.count..<whole.rows] {
                    #expect(whole.rows(rest).hasBits(of: before.rows(rest)), "beside rows \(range)")
                }
            }
        }
    }
}

extension Arena {
    /// The numbers of a matrix in that format.
    fileprivate func operand(_ matrix: Matrix, _ format: NumberFormat) -> Operand {
        guard format == .half else { return .full(matrix) }
        let half = halfMatrix(matrix.rows, matrix.columns)
        half.copy(from: matrix.toArray())
        return .half(half)
    }
}
