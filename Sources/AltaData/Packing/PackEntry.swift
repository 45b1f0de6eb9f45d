import AltaCore

/// Where a study lies in a pack and what its payload holds: an entry of the index.
///
/// | byte | type | what |
/// | --- | --- | --- |
/// | 0 | u64 | where the payload begins: a multiple of 64 |
/// | 8 | u64 | XXH64 of the payload |
/// | 16 | u32 | bytes of the report |
/// | 20 | u32 | sentences whose tokens are there |
/// | 24 | u32 | tokens of all sentences |
/// | 28 | u32 | the report's estimated length in tokens, for dealing studies to ranks |
/// | 32 | 4 x u8 | channels of each view's crop, in the order of `View`: 0 (absent), 1 or 3 |
///
/// Every other byte is zero. The payload holds, one after the other: the crop of each view that is there (for training the
/// current frontal at twice the side), the current frontal's grey crop for evaluation where the pack is for both, the
/// report in UTF-8, zeros up to a multiple of 4, the number of tokens of each sentence (u32), the tokens (u32).
struct PackEntry: Equatable {
    static let byteCount = 64
    /// Payloads begin at multiples of this.
    static let alignment = 64

    var offset: Int
    var hash: UInt64
    var reportByteCount: Int
    var sentenceCount: Int
    var tokenCount: Int
    var estimatedTokenCount: Int
    /// Of each view: `[4]`.
    var channels: [Int]

    /// The entry's bytes: `[64]`.
    var bytes: [UInt8] {
        var writer = LittleEndianWriter(byteCount: Self.byteCount)
        writer.put(UInt64(offset), at: 0)
        writer.put(hash, at: 8)
        writer.put(UInt32(reportByteCount), at: 16)
        writer.put(UInt32(sentenceCount), at: 20)
        writer.put(UInt32(tokenCount), at: 24)
        writer.put(UInt32(estimatedTokenCount), at: 28)
        writer.put(channels.map { UInt8($0) }, at: 32)
        return writer.bytes
    }

    /// Reads an entry from its 64 bytes; nil: it holds numbers that no entry has.
    init?(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == Self.byteCount, "an entry of \(bytes.count) bytes")
        let reader = LittleEndianReader(bytes)
        guard let offset = Int(exactly: reader.u64(0)), offset % Self.alignment == 0 else { return nil }
        let channels = (0..<View.count).map { Int(reader.u8(32 + $0)) }
        guard channels[0] != 0, channels.allSatisfy({ $0 == 0 || $0 == 1 || $0 == 3 }) else { return nil }
        self.init(
            offset: offset, hash: reader.u64(8), reportByteCount: Int(reader.u32(16)),
            sentenceCount: Int(reader.u32(20)), tokenCount: Int(reader.u32(24)),
            estimatedTokenCount: Int(reader.u32(28)), channels: channels)
    }

    init(
        offset: Int, hash: UInt64, reportByteCount: Int, sentenceCount: Int, tokenCount: Int, estimatedTokenCount: Int,
        channels: [Int]
    ) {
        self.offset = offset
        self.hash = hash
        self.reportByteCount = reportByteCount
        self.sentenceCount = sentenceCount
        self.tokenCount = tokenCount
        self.estimatedTokenCount = estimatedTokenCount
        self.channels = channels
    }

    /// The places of a payload's parts, from its own beginning.
    func layout(_ recipe: PackRecipe) -> PackLayout { PackLayout(self, recipe) }
}

/// The places of the parts of a payload, from its own beginning; a function of the entry and the pack's recipe.
struct PackLayout {
    /// Of each view its crop; nil: absent.
    let views: [Range<Int>?]
    /// The side of each view's crop in pixels.
    let sides: [Int]
    /// The current frontal's grey crop for evaluation; nil: the pack has none, or `views` has it.
    let evaluation: Range<Int>?
    let report: Range<Int>
    /// The lengths of the sentences, then the tokens.
    let numbers: Range<Int>

    /// Bytes of the payload.
    var byteCount: Int { numbers.upperBound }

    fileprivate init(_ entry: PackEntry, _ recipe: PackRecipe) {
        var end = 0
        func take(_ count: Int) -> Range<Int> {
            defer { end += count }
            return end..<(end + count)
        }
        let size = recipe.imageSize
        sides = View.allCases.map { recipe.purpose.trains ? recipe.trainingSide($0) : size }
        views = zip(sides, entry.channels).map { side, channels in
            channels == 0 ? nil : take(side * side * channels)
        }
        evaluation = recipe.purpose == .both ? take(size * size) : nil
        report = take(entry.reportByteCount)
        end = (end + 3) / 4 * 4
        numbers = take(4 * (entry.sentenceCount + entry.tokenCount))
    }
}

extension PackLayout {
    /// Where the next payload may begin, after one that ends at `end`.
    static func aligned(_ end: Int) -> Int {
        (end + PackEntry.alignment - 1) / PackEntry.alignment * PackEntry.alignment
    }
}
