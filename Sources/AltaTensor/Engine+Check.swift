import AltaCore

extension Engine {
    /// Whether a row of `forward` and `backward` has the same bits however many rows there are, as reproducible runs
    /// need. To be asked at start: it is not so where oneDNN has no packed kernel for the processor (AVX2 and below).
    public func checkRowIndependence() -> Bool {
        scratch.scoped {
            let (outputs, inputs, rows) = (192, 768, 400)
            let weight = Engine.sample(scratch.matrix(outputs, inputs), 1)
            let packed = pack(weight)
            let x = Engine.sample(scratch.matrix(rows, inputs), 2)
            let y = scratch.matrix(rows, outputs)
            let dx = scratch.matrix(rows, inputs)
            forward(x, packed, bias: nil, into: y)
            backward(y, packed, into: dx, accumulate: false)
            return [1, 2, 16, 50, 197].allSatisfy { count in
                let range = rows - count..<rows
                let yPart = scratch.matrix(count, outputs)
                let dxPart = scratch.matrix(count, inputs)
                forward(x.rows(range), packed, bias: nil, into: yPart)
                backward(yPart, packed, into: dxPart, accumulate: false)
                return yPart.hasBits(of: y.rows(range)) && dxPart.hasBits(of: dx.rows(range))
            }
        }
    }

    private static func sample(_ matrix: Matrix, _ stream: UInt64) -> Matrix {
        let key = RandomKey(seed: stream, purpose: .test)
        for e in 0..<matrix.count { matrix.base[e] = key.uniform(e) - 0.5 }
        return matrix
    }
}

extension Matrix {
    /// Whether another matrix of this shape has the same bits in every element.
    public func hasBits(of other: Matrix) -> Bool {
        precondition(other.rows == rows && other.columns == columns, "\(shape) compared with \(other.shape)")
        return zip(elements, other.elements).allSatisfy { $0.bitPattern == $1.bitPattern }
    }
}
