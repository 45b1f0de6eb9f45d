import AltaCore
import AltaObjective

/// A random batch of embeddings, and how its studies are dealt to ranks: all of it follows from a seed.
///
/// Even seeds give plain batches, odd ones go round the kinds in which the formulas are at an end of their range.
package struct ContrastiveCase: Sendable {
    /// What is special about a batch.
    package enum Kind: String, CaseIterable, Sendable {
        /// Normal numbers; four temperatures between 1 and 25.
        case plain
        /// Every temperature at its clamp, 100.
        case clamp
        /// Every report has one word.
        case oneWordReports
        /// One report has only words of norm zero, and a third of the other words are.
        case zeroWords
        /// One study has only patches of norm zero, and a third of the other patches are.
        case zeroPatches
        /// All studies alike, all reports alike.
        case identical
        /// Words and patches of 1e4 to 1e12: every softmax has one element.
        case huge
        /// Words and patches of 1e-6 down to denormal numbers: every cosine's denominator is at its floor.
        case tiny
    }

    /// What the case follows from.
    package let seed: UInt64
    package let kind: Kind
    package let batch: EmbeddingBatch

    /// The case of a seed, in sizes that the dense formulas do in a moment: B 1 to 40, d 4 to 40, P 1 to 30, W 1 to 16.
    package static func draw(seed: UInt64) -> ContrastiveCase {
        let key = RandomKey(seed: seed, purpose: .test).child(9)
        // Small batches are rare among 40 sizes, and special: one in four has at most 4 studies.
        let count = 1 + key.integer(0, below: key.integer(1, below: 4) == 0 ? 4 : 40)
        let longest = 1 + key.integer(2, below: 16)
        return make(
            seed: seed, width: 4 + key.integer(3, below: 37), patches: 1 + key.integer(4, below: 30),
            wordCounts: (0..<count).map { 1 + key.child(1).integer($0, below: longest) })
    }

    /// The case of a seed in the published model's sizes: B 1 to 6, d 128, P 196, W 1 to 126.
    package static func drawFullSize(seed: UInt64) -> ContrastiveCase {
        let key = RandomKey(seed: seed, purpose: .test).child(9)
        let count = 1 + key.integer(0, below: 6)
        return make(
            seed: seed, width: 128, patches: 196,
            wordCounts: (0..<count).map { 1 + key.child(1).integer($0, below: 126) })
    }

    private static func make(seed: UInt64, width: Int, patches: Int, wordCounts: [Int]) -> ContrastiveCase {
        let kind = seed % 2 == 0 ? .plain : Kind.allCases[1 + Int(seed / 2) % (Kind.allCases.count - 1)]
        // Unit numbers over the square root of a quarter of the width: affinities of about the published size.
        let spread = 2 / Double(max(width, 4)).squareRoot()
        let batch = EmbeddingBatch.random(
            seed: seed, width: width, patches: patches,
            wordCounts: kind == .oneWordReports ? wordCounts.map { _ in 1 } : wordCounts, spread: spread)
        return ContrastiveCase(
            seed: seed, kind: kind, batch: batch.turned(into: kind, RandomKey(seed: seed, purpose: .test).child(8)))
    }

    /// Which rank has which studies, ascending: dealt in turn, at random, all to one rank, or cut into unequal blocks.
    package func shares(rankCount: Int) -> [[Int]] {
        let key = RandomKey(seed: seed, purpose: .test).child(7).child(UInt64(rankCount))
        let (way, chosen) = (key.integer(0, below: 4), key.integer(1, below: rankCount))
        let cuts = (0..<rankCount - 1).map { key.child(0).integer($0, below: batch.count + 1) }.sorted()
        var shares = Array(repeating: [Int](), count: rankCount)
        for position in 0..<batch.count {
            let rank =
                switch way {
                case 0: position % rankCount
                case 1: key.child(1).integer(position, below: rankCount)
                case 2: chosen
                default: cuts.count { $0 <= position }
                }
            shares[rank].append(position)
        }
        return shares
    }
}

extension ContrastiveCase: CustomStringConvertible {
    /// For messages.
    package var description: String {
        "seed \(seed): \(kind.rawValue), B \(batch.count), d \(batch.width), P \(batch.patchesPerStudy), "
            + "W \(batch.wordCounts)"
    }
}

extension EmbeddingBatch {
    /// This batch with what is special about a kind; draws from `key`.
    fileprivate func turned(into kind: ContrastiveCase.Kind, _ key: RandomKey) -> EmbeddingBatch {
        var batch = self
        func size(upTo largest: Double) -> Float {
            Float(Double.exponential(Double(key.uniform(0)) * Double.naturalLogarithm(largest)))
        }
        switch kind {
        case .plain:
            let drawn = (1...4).map { key.uniform($0) * 3.2 }
            batch.scales = ContrastiveScales(
                logitScale: drawn[0], localScale1: drawn[1], localScale2: drawn[2], localScale3: drawn[3])
        case .clamp:
            let largest = Float(Double.naturalLogarithm(100))
            batch.scales = ContrastiveScales(
                logitScale: largest, localScale1: largest, localScale2: largest, localScale3: largest)
        case .oneWordReports: break
        case .zeroWords:
            let whole = segments[key.integer(1, below: count)]
            batch.words = Self.silenced(words, width) { whole.contains($0) || key.child(1).integer($0, below: 3) == 0 }
        case .zeroPatches:
            let (whole, p) = (key.integer(1, below: count), patchesPerStudy)
            batch.patches = Self.silenced(patches, width) { $0 / p == whole || key.child(1).integer($0, below: 3) == 0 }
        case .identical: batch = first.repeated(count)
        case .huge: batch.scaleEmbeddings(by: 1e4 * size(upTo: 1e8))
        case .tiny: batch.scaleEmbeddings(by: key.integer(2, below: 3) == 0 ? 0x1p-133 : 1e-6 / size(upTo: 1e5))
        }
        return batch
    }

    /// A batch of one study, `count` times.
    package func repeated(_ count: Int) -> EmbeddingBatch {
        precondition(self.count == 1, "a batch of \(self.count) studies repeated")
        var batch = self
        func copies<T>(_ values: [T]) -> [T] { (0..<count).flatMap { _ in values } }
        batch.wordCounts = copies(wordCounts)
        (batch.images, batch.texts) = (copies(images), copies(texts))
        (batch.patches, batch.words) = (copies(patches), copies(words))
        return batch
    }

    /// The batch of the first study alone.
    private var first: EmbeddingBatch {
        var batch = self
        batch.wordCounts = [wordCounts[0]]
        (batch.images, batch.texts) = (Array(images.prefix(width)), Array(texts.prefix(width)))
        batch.patches = Array(patches.prefix(patchesPerStudy * width))
        batch.words = Array(words.prefix(wordCounts[0] * width))
        return batch
    }

    private mutating func scaleEmbeddings(by factor: Float) {
        patches = patches.map { $0 * factor }
        words = words.map { $0 * factor }
    }

    private static func silenced(_ numbers: [Float], _ width: Int, where silent: (_ row: Int) -> Bool) -> [Float] {
        numbers.enumerated().map { silent($0.offset / width) ? 0 : $0.element }
    }
}
