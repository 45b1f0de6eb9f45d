import AltaCore
import Glibc

/// Both losses from their formulas, in double precision, one process, nothing sharded: what the fast code is held to, in
/// tests and before it is timed.
package struct NaiveContrastive {
    /// Numbers row by row.
    package typealias Rows = [[Double]]

    /// `[B][d]`.
    package var images: Rows
    /// `[B][d]`.
    package var texts: Rows
    /// `[B][P][d]`.
    package var patches: [Rows]
    /// `[B][W_i][d]`.
    package var words: [Rows]
    /// The four logarithms.
    package var scales: [Double]

    /// The batch in double precision.
    package init(_ batch: EmbeddingBatch) {
        func rows(_ numbers: [Float]) -> Rows {
            stride(from: 0, to: numbers.count, by: batch.width).map { numbers[$0..<$0 + batch.width].map(Double.init) }
        }
        images = rows(batch.images)
        texts = rows(batch.texts)
        let (allPatches, allWords, p) = (rows(batch.patches), rows(batch.words), batch.patchesPerStudy)
        patches = (0..<batch.count).map { Array(allPatches[$0 * p..<($0 + 1) * p]) }
        words = (0..<batch.count).map { Array(allWords[batch.segments[$0]]) }
        let s = batch.scales
        scales = [s.logitScale, s.localScale1, s.localScale2, s.localScale3].map(Double.init)
    }

    /// `[B][B]`, studies by reports.
    package var globalLogits: Rows { images.map { image in texts.map { exp(scales[0]) * Self.dot(image, $0) } } }

    /// `[B][B]`, studies by reports. Computed anew each time.
    package var localLogits: Rows {
        patches.map { study in
            words.map { exp(scales[3]) * NaiveSimilarity(study, $0, exp(scales[1]), exp(scales[2])).value }
        }
    }

    /// The symmetric InfoNCE of study and report vectors.
    package var globalLoss: Double { Self.symmetricCrossEntropy(globalLogits) }
    /// The symmetric InfoNCE of patches and words.
    package var localLoss: Double { Self.symmetricCrossEntropy(localLogits) }
    /// Their sum.
    package var loss: Double { globalLoss + localLoss }

    /// The mean cross-entropy of rows and columns, whose targets are on the diagonal.
    package static func symmetricCrossEntropy(_ logits: Rows) -> Double {
        let count = logits.count
        let columns = (0..<count).map { j in logits.map { $0[j] } }
        let terms = (0..<count).map { logSumExp(logits[$0]) + logSumExp(columns[$0]) - 2 * logits[$0][$0] }
        return terms.reduce(0, +) / Double(2 * count)
    }

    static func logitGradient(_ logits: Rows) -> Rows {
        let count = logits.count
        let rows = logits.map(logSumExp)
        let columns = (0..<count).map { j in logSumExp(logits.map { $0[j] }) }
        return (0..<count).map { i in
            (0..<count).map { j in
                let both = exp(logits[i][j] - rows[i]) + exp(logits[i][j] - columns[j])
                return both / Double(2 * count) - (i == j ? 1 / Double(count) : 0)
            }
        }
    }

    static func logSumExp(_ x: [Double]) -> Double {
        let top = x.max() ?? 0
        return top + log(x.reduce(0) { $0 + exp($1 - top) })
    }

    static func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }

    static func softmax(_ x: [Double]) -> [Double] {
        let total = logSumExp(x)
        return x.map { exp($0 - total) }
    }
}

/// `local_similarity` of one study and one report, and its gradient in closed form.
struct NaiveSimilarity {
    let patches, words: [[Double]]
    let t1, t2: Double
    /// `[P][W]`, over words.
    let affinity: [[Double]]
    /// `[W][P]`, over patches.
    let weights: [[Double]]
    /// `[W][d]`.
    let context: [[Double]]
    let cosines: [Double]
    let value: Double

    init(_ patches: [[Double]], _ words: [[Double]], _ t1: Double, _ t2: Double) {
        let affinity = patches.map { patch in
            NaiveContrastive.softmax(words.map { NaiveContrastive.dot(patch, $0) })
        }
        let weights = words.indices.map { w in NaiveContrastive.softmax(affinity.map { t1 * $0[w] }) }
        let context = weights.map { row in
            patches[0].indices.map { i in zip(row, patches).reduce(0) { $0 + $1.0 * $1.1[i] } }
        }
        let cosines = zip(words, context).map { word, context in
            NaiveContrastive.dot(word, context) / max(Self.norm(word) * Self.norm(context), 1e-8)
        }
        (self.patches, self.words, self.t1, self.t2) = (patches, words, t1, t2)
        (self.affinity, self.weights, self.context, self.cosines) = (affinity, weights, context, cosines)
        value = NaiveContrastive.logSumExp(cosines.map { t2 * $0 })
    }

    static func norm(_ x: [Double]) -> Double { NaiveContrastive.dot(x, x).squareRoot() }

    struct Gradient {
        var patches, words: [[Double]]
        var logT1 = 0.0
        var logT2 = 0.0
    }

    /// The gradient of `value`.
    func gradient() -> Gradient {
        var g = Gradient(
            patches: patches.map { $0.map { _ in 0 } }, words: words.map { $0.map { _ in 0 } })
        let shares = NaiveContrastive.softmax(cosines.map { t2 * $0 })
        var affinityGradient = affinity.map { $0.map { _ in 0.0 } }
        for w in words.indices {
            g.logT2 += t2 * shares[w] * cosines[w]
            let contextGradient = backThroughCosine(w, t2 * shares[w], &g)
            let weightGradient = patches.map { NaiveContrastive.dot(contextGradient, $0) }
            let mean = NaiveContrastive.dot(weightGradient, weights[w])
            for p in patches.indices {
                for i in contextGradient.indices { g.patches[p][i] += weights[w][p] * contextGradient[i] }
                let inner = weights[w][p] * (weightGradient[p] - mean)
                affinityGradient[p][w] = t1 * inner
                g.logT1 += t1 * inner * affinity[p][w]
            }
        }
        for p in patches.indices {
            let mean = NaiveContrastive.dot(affinityGradient[p], affinity[p])
            for w in words.indices {
                let inner = affinity[p][w] * (affinityGradient[p][w] - mean)
                for i in words[w].indices {
                    g.patches[p][i] += inner * words[w][i]
                    g.words[w][i] += inner * patches[p][i]
                }
            }
        }
        return g
    }

    /// Adds the word's direct gradient and returns the context's.
    private func backThroughCosine(_ w: Int, _ cosineGradient: Double, _ g: inout Gradient) -> [Double] {
        let (wordNorm, contextNorm) = (Self.norm(words[w]), Self.norm(context[w]))
        guard wordNorm * contextNorm >= 1e-8 else {
            for i in words[w].indices { g.words[w][i] += cosineGradient * context[w][i] / 1e-8 }
            return words[w].map { cosineGradient * $0 / 1e-8 }
        }
        let product = wordNorm * contextNorm
        for i in words[w].indices {
            g.words[w][i] +=
                cosineGradient * (context[w][i] / product - cosines[w] * words[w][i] / (wordNorm * wordNorm))
        }
        return words[w].indices.map { i in
            cosineGradient * (words[w][i] / product - cosines[w] * context[w][i] / (contextNorm * contextNorm))
        }
    }
}

/// The gradient of the sum of both losses, each array in global order.
package struct NaiveGradient {
    /// Of each part, in the order of `EmbeddingBatch`, and of the four logarithms.
    package let images, texts, patches, words, scales: [Double]
}

extension NaiveContrastive {
    /// In closed form.
    package func gradient() -> NaiveGradient {
        let (globalLogits, localLogits) = (globalLogits, localLogits)
        let (globalSeeds, localSeeds) = (Self.logitGradient(globalLogits), Self.logitGradient(localLogits))
        var g = (images: zeros(images), texts: zeros(texts), patches: patches.map(zeros), words: words.map(zeros))
        var scaleGradient = [0.0, 0, 0, 0]
        for i in images.indices {
            for j in texts.indices {
                let seed = globalSeeds[i][j]
                scaleGradient[0] += seed * globalLogits[i][j]
                Self.add(seed * exp(scales[0]), [texts[j]], to: &g.images[i...i])
                Self.add(seed * exp(scales[0]), [images[i]], to: &g.texts[j...j])
                let pair = NaiveSimilarity(patches[i], words[j], exp(scales[1]), exp(scales[2])).gradient()
                let localSeed = localSeeds[i][j] * exp(scales[3])
                scaleGradient[1] += localSeed * pair.logT1
                scaleGradient[2] += localSeed * pair.logT2
                scaleGradient[3] += localSeeds[i][j] * localLogits[i][j]
                Self.add(localSeed, pair.patches, to: &g.patches[i][...])
                Self.add(localSeed, pair.words, to: &g.words[j][...])
            }
        }
        return NaiveGradient(
            images: g.images.flatMap { $0 }, texts: g.texts.flatMap { $0 }, patches: g.patches.joined().flatMap { $0 },
            words: g.words.joined().flatMap { $0 }, scales: scaleGradient)
    }

    private func zeros(_ rows: Rows) -> Rows { rows.map { $0.map { _ in 0 } } }

    private static func add(_ factor: Double, _ rows: Rows, to sums: inout ArraySlice<[Double]>) {
        for (offset, row) in rows.enumerated() {
            for i in row.indices { sums[sums.startIndex + offset][i] += factor * row[i] }
        }
    }
}
