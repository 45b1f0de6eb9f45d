/// BERT's basic tokenisation: text into the words that WordPiece then cuts, as Hugging Face's `BertNormalizer`
/// (lower-casing, accents stripped, CJK spaced out) followed by its `BertPreTokenizer`.
///
/// Works on UTF-8 bytes; ASCII goes through two tables, runs of other bytes through `UnicodeFolding`. Bytes that are
/// not UTF-8 count as U+FFFD, which the reference deletes.
struct WordPieceSplitter: Sendable {
    private enum ByteClass: UInt8 { case letter, space, punctuation, removed, beyondASCII }

    private let classes: [ByteClass]
    private let lowercase: [UInt8]
    private let folding = UnicodeFolding()

    /// Fills the tables.
    init() {
        classes = (UInt8.min...UInt8.max).map(Self.byteClass)
        lowercase = (UInt8.min...UInt8.max).map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
    }

    private static func byteClass(_ byte: UInt8) -> ByteClass {
        switch byte {
        case 0x09, 0x0A, 0x0D, 0x20: return .space
        case 0x00...0x1F, 0x7F: return .removed
        case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: return .punctuation
        case 0x80...0xFF: return .beyondASCII
        default: return .letter
        }
    }

    /// Calls `body` with each word of `bytes[range]` in order: its folded UTF-8 and its number of scalars, at least 1.
    @inline(__always)
    func forEachWord(
        in bytes: borrowing Span<UInt8>, _ range: Range<Int>, _ body: (_ word: [UInt8], _ scalarCount: Int) -> Void
    ) {
        var word: [UInt8] = []
        word.reserveCapacity(128)
        var scalarCount = 0
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = bytes[index]
            switch classes[Int(byte)] {
            case .letter:
                word.append(lowercase[Int(byte)])
                scalarCount += 1
            case .space:
                Self.finish(&word, &scalarCount, body)
            case .punctuation:
                Self.finish(&word, &scalarCount, body)
                word.append(byte)
                scalarCount = 1
                Self.finish(&word, &scalarCount, body)
            case .removed:
                break
            case .beyondASCII:
                let end = endOfRun(bytes, from: index, limit: range.upperBound)
                for folded in fold(bytes, index..<end) {
                    append(folded, &word, &scalarCount, body)
                }
                index = end
                continue
            }
            index += 1
        }
        Self.finish(&word, &scalarCount, body)
    }

    @inline(__always)
    private static func finish(_ word: inout [UInt8], _ scalarCount: inout Int, _ body: ([UInt8], Int) -> Void) {
        guard scalarCount > 0 else { return }
        body(word, scalarCount)
        word.removeAll(keepingCapacity: true)
        scalarCount = 0
    }

    private func append(
        _ folded: UnicodeFolding.Folded, _ word: inout [UInt8], _ scalarCount: inout Int,
        _ body: ([UInt8], Int) -> Void
    ) {
        switch folded {
        case .space:
            Self.finish(&word, &scalarCount, body)
        case .letter(let scalar):
            word += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
            scalarCount += 1
        case .punctuation(let scalar):
            Self.finish(&word, &scalarCount, body)
            word += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
            scalarCount = 1
            Self.finish(&word, &scalarCount, body)
        }
    }

    /// The end of the run at `start` of bytes beyond ASCII. A deleted control character does not end it: the marks on
    /// its two sides are ordered together.
    private func endOfRun(_ bytes: borrowing Span<UInt8>, from start: Int, limit: Int) -> Int {
        var end = start
        while end < limit, [.beyondASCII, .removed].contains(classes[Int(bytes[end])]) { end += 1 }
        return end
    }

    private func fold(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> [UnicodeFolding.Folded] {
        var run: [UInt8] = []
        run.reserveCapacity(range.count)
        for index in range { run.append(bytes[index]) }
        var folded: [UnicodeFolding.Folded] = []
        folding.fold(String(decoding: run, as: UTF8.self).unicodeScalars, into: &folded)
        return folded
    }
}
