import AltaCore
import Glibc

extension Naive {
    /// Softmax attention within each segment: see `Engine.attention`.
    public static func attention(
        _ qkv: Matrix, segments: Segments, heads: Int, into y: Matrix, logSumExp: UnsafeMutablePointer<Float>,
        dropout: AttentionDropout? = nil
    ) {
        for segment in 0..<segments.count {
            for head in 0..<heads {
                let one = Head(qkv, rows: segments[segment], segment: segment, head: head, heads: heads, dropout)
                for i in 0..<one.length {
                    logSumExp[(one.start + i) * heads + head] = Float(one.logSumExp[i])
                    for c in 0..<one.width {
                        let sum = (0..<one.length).reduce(0.0) {
                            $0 + one.probability[i][$1] * one.keep[i][$1] * one.v[$1][c]
                        }
                        y[one.start + i, head * one.width + c] = Float(sum)
                    }
                }
            }
        }
    }

    /// The gradient of `attention` in `qkv`; overwrites `dqkv`.
    public static func attentionBackward(
        _ dy: Matrix, qkv: Matrix, segments: Segments, heads: Int, dropout: AttentionDropout? = nil, into dqkv: Matrix
    ) {
        dqkv.fill(0)
        for segment in 0..<segments.count {
            for head in 0..<heads {
                let one = Head(qkv, rows: segments[segment], segment: segment, head: head, heads: heads, dropout)
                one.backward(dy, head: head, into: dqkv)
            }
        }
    }
}

/// One head of one segment in double precision.
private struct Head {
    let start: Int
    let length: Int
    let width: Int
    let scale: Double
    let q: [[Double]]
    let k: [[Double]]
    let v: [[Double]]
    var probability: [[Double]] = []
    var keep: [[Double]] = []
    var logSumExp: [Double] = []

    init(_ qkv: Matrix, rows: Range<Int>, segment: Int, head: Int, heads: Int, _ dropout: AttentionDropout?) {
        let width = qkv.columns / 3 / heads
        let part = { (which: Int) in
            rows.map { row in (0..<width).map { Double(qkv[row, which * heads * width + head * width + $0]) } }
        }
        start = rows.lowerBound
        length = rows.count
        self.width = width
        scale = 1 / Double(width).squareRoot()
        (q, k, v) = (part(0), part(1), part(2))
        let law = DropoutLaw(rate: dropout?.rate ?? 0)
        for i in 0..<length {
            let scores = k.map { zip(q[i], $0).reduce(0) { $0 + $1.0 * $1.1 } * scale }
            let largest = scores.max() ?? 0
            let sum = scores.reduce(0) { $0 + exp($1 - largest) }
            logSumExp.append(largest + log(sum))
            probability.append(scores.map { exp($0 - largest) / sum })
            keep.append(
                (0..<length).map { j in
                    guard let dropout else { return 1 }
                    let word = dropout.keys[segment].word((head * length + i) * length + j)
                    return word >= law.threshold ? Double(law.scale) : 0
                })
        }
    }

    func backward(_ dy: Matrix, head: Int, into dqkv: Matrix) {
        let columns = dqkv.columns / 3
        for i in 0..<length {
            let gradient = (0..<width).map { Double(dy[start + i, head * width + $0]) }
            let ofKept = v.map { zip(gradient, $0).reduce(0) { $0 + $1.0 * $1.1 } }
            let ofProbability = (0..<length).map { ofKept[$0] * keep[i][$0] }
            let mean = (0..<length).reduce(0.0) { $0 + ofProbability[$1] * probability[i][$1] }
            for j in 0..<length {
                let ofScore = probability[i][j] * (ofProbability[j] - mean) * scale
                for c in 0..<width {
                    let column = head * width + c
                    dqkv[start + i, column] += Float(ofScore * k[j][c])
                    dqkv[start + j, columns + column] += Float(ofScore * q[i][c])
                    dqkv[start + j, 2 * columns + column] += Float(probability[i][j] * keep[i][j] * gradient[c])
                }
            }
        }
    }
}
