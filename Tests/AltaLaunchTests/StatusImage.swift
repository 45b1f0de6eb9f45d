import AltaCore
import Foundation

/// Statuses of ranks as tests need them: values, and the bytes of their files.
struct StatusImage {
    var rank = 0
    var host = "here"
    var phase = "forward"
    var step = 0
    var completedSteps = 0
    var since = 1.0
    var beats = 0
    var progress = 0.0
    var isJoining = false

    var words: [UInt64] {
        typealias Layout = RankStatusLayout
        var words = [UInt64](repeating: 0, count: Layout.wordCount)
        words[Layout.magicWord] = Layout.magic
        words[Layout.versionWord] = Layout.version
        words[Layout.rankWord] = UInt64(rank)
        words[Layout.stepWord] = UInt64(step)
        words[Layout.completedStepsWord] = UInt64(completedSteps)
        words[Layout.sinceWord] = since.bitPattern
        words[Layout.heartbeatCountWord] = UInt64(beats)
        words[Layout.progressSecondsWord] = progress.bitPattern
        words.replace(Layout.hostWord, Layout.words(host, count: Layout.hostWordCount))
        words.replace(Layout.phaseWord, Layout.words(phase, count: Layout.phaseWordCount))
        if isJoining {
            words[Layout.isInCollectiveWord] = 1
            words[Layout.operationWord + Layout.Operation.number] = 1
            words[Layout.operationWord + Layout.Operation.kind] = CollectiveKind.join.rawValue
        }
        return words
    }

    var status: RankStatus {
        guard let status = RankStatus(words: words) else { preconditionFailure("the image is a status") }
        return status
    }

    /// Writes the file that a rank would.
    func write(to path: String) throws {
        try Data(words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) } })
            .write(to: URL(filePath: path))
    }
}

extension [UInt64] {
    fileprivate mutating func replace(_ start: Int, _ words: [UInt64]) {
        replaceSubrange(start..<start + words.count, with: words)
    }
}
