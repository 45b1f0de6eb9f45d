import AltaCore
import Foundation

/// The all-reduces among threads that have begun and that not every rank has joined yet.
///
/// The last rank to join combines all buffers, which nobody touches then, and the others see it done.
final class ThreadReductions: @unchecked Sendable {
    /// One all-reduce.
    final class Entry {
        fileprivate let agreement: String
        fileprivate var buffers: [UnsafeMutableRawPointer?]
        fileprivate var joinedCount = 0
        fileprivate var isDone = false

        fileprivate init(agreement: String, rankCount: Int) {
            self.agreement = agreement
            buffers = Array(repeating: nil, count: rankCount)
        }
    }

    private let rankCount: Int
    private let lock = NSLock()
    private var open: [Int: Entry] = [:]

    init(rankCount: Int) { self.rankCount = rankCount }

    /// Joins the reduction of this number, the same on every rank.
    func join(
        _ number: Int, rank: Int, agreement: String, buffer: UnsafeMutableRawPointer?,
        combine: ([UnsafeMutableRawPointer]) -> Void
    ) throws -> Entry {
        lock.lock()
        defer { lock.unlock() }
        let entry = open[number] ?? Entry(agreement: agreement, rankCount: rankCount)
        open[number] = entry
        guard entry.agreement == agreement else {
            throw AltaError(
                "the ranks are in different collectives", why: "one in \(entry.agreement), another in \(agreement)",
                rank: rank)
        }
        entry.buffers[rank] = buffer
        entry.joinedCount += 1
        if entry.joinedCount == rankCount {
            combine(entry.buffers.compactMap { $0 })
            entry.isDone = true
            open[number] = nil
        }
        return entry
    }

    func isDone(_ entry: Entry) -> Bool { lock.withLock { entry.isDone } }
}
