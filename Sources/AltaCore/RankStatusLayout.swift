/// Where everything stands in what a rank publishes about itself: words of eight bytes in the machine's own order.
///
/// The same image is the memory that the rank writes and the file `rank-R.status` that others read, also after the rank
/// was killed. What changes is guarded by two counters (Lamport): the writer raises `writing`, changes words, and raises
/// `written`; a reader that finds `written` before equal to `writing` after it has read one state and no mixture.
package enum RankStatusLayout {
    /// `ALTARANK`, as the bytes of a word in the machine's order.
    package static let magic: UInt64 = 0x4B4E_4152_4154_4C41
    /// Changes with the layout.
    package static let version: UInt64 = 1

    // What a rank is.
    package static let magicWord = 0
    package static let versionWord = 1
    package static let rankWord = 2
    package static let rankCountWord = 3
    package static let processWord = 4
    /// Tells the jobs apart that use one folder one after the other.
    package static let jobWord = 5
    /// 1 where the file is a copy of the rank's memory.
    package static let copiedWord = 6
    package static let hostWord = 8
    package static let hostWordCount = 32

    // That it runs: written by its watchdog, whatever its main thread does. Outside the guard.
    package static let heartbeatCountWord = 40
    package static let heartbeatSecondsWord = 41
    /// That long work of one rank goes on: written by whichever thread does it. Outside the guard.
    package static let progressSecondsWord = 42

    // What it does.
    package static let writtenWord = 48
    package static let sinceWord = 49
    package static let stepWord = 50
    package static let completedStepsWord = 51
    /// How many operations there were; the last one has this number.
    package static let operationCountWord = 52
    /// 1 while in a collective, which is then the operation at hand.
    package static let isInCollectiveWord = 53
    package static let phaseWord = 54
    package static let phaseWordCount = 4
    /// The operation at hand, or the last one.
    package static let operationWord = 64

    /// The last operations: number n is entry (n - 1) modulo `ringCount`.
    package static let ringWord = operationWord + Operation.wordCount
    package static let ringCount = 128

    package static let writingWord = ringWord + ringCount * Operation.wordCount
    package static let wordCount = writingWord + 1
    package static let byteCount = wordCount * 8

    /// An operation's words, from its first.
    package enum Operation {
        package static let number = 0
        package static let kind = 1
        package static let count = 2
        package static let type = 3
        package static let reduction = 4
        package static let root = 5
        package static let group = 6
        package static let sequence = 7
        package static let began = 8
        package static let ended = 9
        package static let step = 10
        package static let phase = 11
        package static let phaseWordCount = 2
        package static let counts = 13
        package static let wordCount = 16
    }

    /// The name of a rank's file.
    package static func fileName(rank: Int) -> String { "rank-\(rank).status" }

    /// The first bytes of a text as words, the rest zero; a word holds eight, the first in the lowest byte.
    package static func words(_ text: String, count: Int) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: count)
        for (index, byte) in text.utf8.prefix(count * 8).enumerated() {
            words[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8)
        }
        return words
    }

    /// A phase as four words; without heap memory, since it is told many times in a step.
    package static func phase(_ text: String) -> SIMD4<UInt64> {
        var words = SIMD4<UInt64>()
        for (index, byte) in text.utf8.prefix(phaseWordCount * 8).enumerated() {
            words[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8)
        }
        return words
    }

    /// The text of words, up to the first zero byte.
    package static func text(_ words: some Sequence<UInt64>) -> String {
        let bytes = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) } }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
