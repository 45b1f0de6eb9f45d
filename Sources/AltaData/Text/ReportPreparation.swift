import AltaCore

/// A report as the text encoder sees it: intact and masked.
public struct PreparedReport: Equatable, Sendable {
    /// [CLS], the tokens, [SEP] where the vocabulary has one: `[T]`, T from 1 to the maximum.
    public let ids: [Int32]
    /// The same with [MASK] at the masked positions: `[T]`.
    public let maskedIDs: [Int32]
    /// The masked positions, ascending: `[M]`, M from 0 to T - 1.
    public let maskedPositions: [Int]
    /// What stood at the masked positions: `[M]`.
    public let labels: [Int32]

    /// `ids` with [MASK] at `maskedPositions`, which must ascend and lie within it.
    public init(ids: [Int32], maskedPositions: [Int], maskID: Int32) {
        self.ids = ids
        self.maskedPositions = maskedPositions
        labels = maskedPositions.map { ids[$0] }
        var masked = ids
        for position in maskedPositions { masked[position] = maskID }
        maskedIDs = masked
    }
}

/// Reports to token ids as published. ALTA (`prepare`): sentences shuffled and joined with a space, WordPiece, cut to a
/// maximum, half of the tokens masked (`_shuffle_sentences` and `_random_mask` with ratio 0.5). MRM (`prepareWords`): in
/// its own order, cut, half of the words masked.
public struct ReportPreparation: Sendable {
    /// The tokenizer.
    public let tokenizer: WordPieceTokenizer
    /// The longest sequence, special tokens included.
    public let maxTokens: Int
    /// With what probability a token that is not special, or a word, is masked.
    public let maskProbability: Float

    /// Reports of at most `maxTokens` tokens, at least 2, of which a share of `maskProbability` is masked.
    public init(tokenizer: WordPieceTokenizer, maxTokens: Int = 128, maskProbability: Float = 0.5) {
        precondition(maxTokens >= 2, "\(maxTokens) tokens cannot hold [CLS] and [SEP]")
        precondition((0...1).contains(maskProbability), "mask probability \(maskProbability) outside 0...1")
        self.tokenizer = tokenizer
        self.maxTokens = maxTokens
        self.maskProbability = maskProbability
    }

    /// The ids of each sentence, without [CLS] and [SEP]. The same in every epoch: no token crosses the whitespace between
    /// sentences, so tokenising them apart or shuffled and joined gives the same ids.
    public func tokenizedSentences(_ report: String) -> [[Int32]] {
        ReportSentences.split(report).map(tokenizer.encode)
    }

    /// A study's report in one epoch of a run.
    public func prepare(_ report: String, seed: UInt64, epoch: Int, study: StudyIndex) -> PreparedReport {
        prepare(sentences: tokenizedSentences(report), seed: seed, epoch: epoch, study: study)
    }

    /// The same for a report that is tokenized already (`tokenizedSentences`).
    public func prepare(sentences: [[Int32]], seed: UInt64, epoch: Int, study: StudyIndex) -> PreparedReport {
        prepare(
            sentences: sentences,
            sentenceOrder: RandomKey(seed: seed, epoch: epoch, study: study, purpose: .sentenceOrder),
            tokenMask: RandomKey(seed: seed, epoch: epoch, study: study, purpose: .tokenMask))
    }

    /// Sentences in the order that `sentenceOrder` draws, cut, and masked where `tokenMask` says so.
    ///
    /// Element `p` of `tokenMask` decides about position `p`. Special ids, [UNK] among them, are never masked. A report
    /// without a token is [CLS][SEP].
    public func prepare(sentences: [[Int32]], sentenceOrder: RandomKey, tokenMask: RandomKey) -> PreparedReport {
        let ids = bounded(sentenceOrder.permutation(sentences.count).lazy.map { sentences[$0] })
        let masked = ids.indices.filter { position in
            !tokenizer.isSpecial(ids[position]) && tokenMask.uniform(position) < maskProbability
        }
        return PreparedReport(ids: ids, maskedPositions: masked, maskID: tokenizer.maskID)
    }

    /// A study's report in one epoch of a pretraining run: [CLS], at most `maxTokens` - 1 tokens in the report's own
    /// order, [SEP] among them where the vocabulary has one; whole words masked.
    ///
    /// Element `p` of the study's stream decides about the word that begins at position `p`.
    public func prepareWords(_ report: String, seed: UInt64, epoch: Int, study: StudyIndex) -> PreparedReport {
        let ids = encode(report)
        let key = RandomKey(seed: seed, epoch: epoch, study: study, purpose: .tokenMask)
        let words = MaskedWords(
            maskID: tokenizer.maskID, endIDs: [tokenizer.paddingID, tokenizer.separatorID].compactMap { $0 },
            paddedCount: maxTokens, probability: Double(maskProbability))
        let masked = words.positions(in: ids, isPiece: tokenizer.isPiece) { Double(key.uniform($0)) }
        return PreparedReport(ids: ids, maskedPositions: masked, maskID: tokenizer.maskID)
    }

    /// A report in its own order, cut, nothing masked: what evaluation embeds.
    public func encode(_ report: String) -> [Int32] { bounded(CollectionOfOne(tokenizer.encode(report))) }

    /// The same for a report that is tokenized already (`tokenizedSentences`).
    public func encode(sentences: [[Int32]]) -> [Int32] { bounded(sentences) }

    private func bounded(_ sentences: some Sequence<[Int32]>) -> [Int32] {
        var ids = [tokenizer.classificationID]
        let separator = tokenizer.separatorID.map { [$0] } ?? []
        let room = maxTokens - separator.count
        for sentence in sentences { ids += sentence.prefix(room - ids.count) }
        return ids + separator
    }
}
