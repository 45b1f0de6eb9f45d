import AltaCore
import Foundation

/// Where the ranks of a job of threads meet: they publish their buffers, wait for each other, and read.
///
/// All state is behind one lock. A rank that throws, returns or aborts wakes the others, whose collectives then throw:
/// nobody waits for a rank that will not come.
final class ThreadGroup: @unchecked Sendable {
    /// What one rank brings to a collective.
    struct Offer {
        /// What the ranks must agree on: operation, element type, root, counts.
        let agreement: String
        /// The elements that other ranks read.
        let readable: UnsafeRawPointer?
        /// The elements that other ranks write.
        let writable: UnsafeMutableRawPointer?
        /// What other ranks keep.
        var object: AnyObject?
    }

    let rankCount: Int
    /// All-reduces that go on in the background.
    let reductions: ThreadReductions
    private let lock = NSCondition()
    private var offers: [Offer?]
    private var arrivedCount = 0
    private var generation = 0
    private var finishedCount = 0
    private var absentRank: Int?
    private var failure: AltaError?
    private var children: [(group: ThreadGroup, members: [Int])] = []

    init(rankCount: Int) {
        self.rankCount = rankCount
        reductions = ThreadReductions(rankCount: rankCount)
        offers = Array(repeating: nil, count: rankCount)
    }

    /// Waits until every rank has brought its offer; returns them all, `[R]`.
    ///
    /// Throws on every rank alike where they disagree, and where a rank has failed or left.
    func exchange(_ offer: Offer, rank: Int) throws -> [Offer] {
        lock.lock()
        defer { lock.unlock() }
        // Before anything else: after a failure the offers of ranks that threw point to memory they have freed.
        if let error = obstacle(offer.agreement) { throw error.at(rank: rank) }
        offers[rank] = offer
        let mine = generation
        arrive()
        while generation == mine {
            if let error = obstacle(offer.agreement) { throw error.at(rank: rank) }
            lock.wait()
        }
        let all = offers.compactMap { $0 }
        if let other = all.firstIndex(where: { $0.agreement != all[0].agreement }) {
            let error = AltaError(
                "the ranks are in different collectives",
                why: "rank 0 in \(all[0].agreement), rank \(other) in \(all[other].agreement)")
            failure = failure ?? error
            throw error.at(rank: rank)
        }
        return all
    }

    /// Waits until every rank has finished reading and writing what was exchanged.
    ///
    /// Heeds no failure: all ranks are on their way here, and one that left earlier would free what others still read.
    func complete() {
        lock.lock()
        defer { lock.unlock() }
        let mine = generation
        arrive()
        while generation == mine { lock.wait() }
    }

    /// A group of some of the ranks, which learns of failures here.
    func makeChild(of members: [Int]) -> ThreadGroup {
        let child = ThreadGroup(rankCount: members.count)
        lock.withLock { children.append((child, members)) }
        return child
    }

    /// Why beginning a collective is in vain, if it is. Not collective.
    func check(_ agreement: String) -> AltaError? { lock.withLock { obstacle(agreement) } }

    /// The failure that ended the job, if one did; ranks that left after their work was done are none. Not collective.
    var failed: AltaError? { lock.withLock { failure } }

    /// Makes every present and later exchange throw, here and in the groups of some ranks. The first failure is kept.
    func fail(_ error: AltaError) {
        let children = lock.withLock {
            if failure == nil { failure = error }
            lock.broadcast()
            return self.children
        }
        for child in children { child.group.fail(error) }
    }

    /// Tells that a rank will join no further collective, here and in the groups it is in.
    func leave(rank: Int) {
        let children = lock.withLock {
            if absentRank == nil { absentRank = rank }
            finishedCount += 1
            lock.broadcast()
            return self.children
        }
        for child in children {
            if let place = child.members.firstIndex(of: rank) { child.group.leave(rank: place) }
        }
    }

    /// Returns when every rank has left.
    func waitForAll() {
        lock.lock()
        defer { lock.unlock() }
        while finishedCount < rankCount { lock.wait() }
    }

    /// The caller holds the lock.
    private func arrive() {
        arrivedCount += 1
        guard arrivedCount == rankCount else { return }
        arrivedCount = 0
        generation += 1
        lock.broadcast()
    }

    /// Why waiting is in vain; the caller holds the lock.
    private func obstacle(_ agreement: String) -> AltaError? {
        if let failure { return failure }
        return absentRank.map {
            AltaError("\(agreement) cannot complete", why: "rank \($0) has left the job without it")
        }
    }
}
