import AltaCore

/// Collectives among threads of one process: tests, debuggers, sanitizers. Needs no MPI.
///
/// Sums are added in the order of the ranks. Ranks that call different collectives, or the same with other counts, get
/// an error that says so.
public final class ThreadCollectives: Collectives {
    /// This rank, from 0.
    public let rank: Int
    /// The number of ranks.
    public var rankCount: Int { group.rankCount }
    /// The name of this machine.
    public let hostName: String

    let group: ThreadGroup
    /// How many reductions this rank has begun; the same on every rank at the same place.
    var startedCount = 0

    init(rank: Int, hostName: String, group: ThreadGroup) {
        self.rank = rank
        self.hostName = hostName
        self.group = group
    }

    /// Returns when every rank has called it. Collective.
    public func barrier() throws {
        try meet("barrier") { _ in }
    }

    /// Fills every rank's buffer with the root's. Collective.
    public func broadcast<E: CollectiveElement>(_ buffer: UnsafeMutableBufferPointer<E>, from root: Int) throws {
        try checkRoot(root, "broadcast")
        let agreement = "broadcast of \(buffer.count) \(E.elementType.rawValue) from rank \(root)"
        try meet(agreement, readable: UnsafeRawPointer(buffer.baseAddress)) { offers in
            guard rank != root else { return }
            copy(offers[root], into: buffer[...])
        }
    }

    /// Combines the buffers of all ranks in place: each rank makes its share of the result, for all. Collective.
    public func allReduce<E: CollectiveElement>(
        _ buffer: UnsafeMutableBufferPointer<E>, _ operation: ReduceOperation
    ) throws {
        let agreement = "all-reduce (\(operation.rawValue)) of \(buffer.count) \(E.elementType.rawValue)"
        try meet(agreement, writable: UnsafeMutableRawPointer(buffer.baseAddress)) { offers in
            let share = buffer.count * rank / rankCount..<buffer.count * (rank + 1) / rankCount
            guard !share.isEmpty else { return }
            let stride = MemoryLayout<E>.stride
            let parts = offers.compactMap { $0.writable?.advanced(by: share.lowerBound * stride) }
            for part in parts.dropFirst() {
                E.elementType.accumulate(operation, part, into: parts[0], count: share.count)
            }
            for part in parts.dropFirst() { part.copyMemory(from: parts[0], byteCount: share.count * stride) }
        }
    }

    /// Concatenates the elements of all ranks on every rank. Collective.
    public func allGather<E: CollectiveElement>(
        _ mine: UnsafeBufferPointer<E>, counts: [Int], into all: UnsafeMutableBufferPointer<E>
    ) throws {
        try checkCounts(counts, mine: mine.count, all: all.count, "all-gather")
        let agreement = "all-gather of \(counts) \(E.elementType.rawValue)"
        try meet(agreement, readable: UnsafeRawPointer(mine.baseAddress)) { offers in
            for (source, start) in CollectiveCounts.starts(of: counts).enumerated() {
                copy(offers[source], into: all[start..<start + counts[source]])
            }
        }
    }

    /// Adds the buffers of all ranks and gives each rank its slice. Collective.
    public func reduceScatter<E: CollectiveElement>(
        _ all: UnsafeBufferPointer<E>, counts: [Int], into mine: UnsafeMutableBufferPointer<E>
    ) throws {
        try checkCounts(counts, mine: mine.count, all: all.count, "reduce-scatter")
        let agreement = "reduce-scatter of \(counts) \(E.elementType.rawValue)"
        try meet(agreement, readable: UnsafeRawPointer(all.baseAddress)) { offers in
            guard let result = UnsafeMutableRawPointer(mine.baseAddress), !mine.isEmpty else { return }
            let stride = MemoryLayout<E>.stride
            let start = CollectiveCounts.starts(of: counts)[rank]
            let parts = offers.compactMap { $0.readable?.advanced(by: start * stride) }
            result.copyMemory(from: parts[0], byteCount: mine.count * stride)
            for part in parts.dropFirst() {
                E.elementType.accumulate(.sum, part, into: result, count: mine.count)
            }
        }
    }

    /// Makes every rank's present or next collective throw. Not collective.
    public func abort(exitCode: Int32) {
        group.fail(
            AltaError(
                "rank \(rank) ended the job with exit code \(exitCode)", rank: rank,
                exitCode: ExitCode(rawValue: exitCode) ?? .failed))
    }

    /// Hands every rank an object of each, `[R]`. Collective.
    func exchange(_ agreement: String, _ object: AnyObject?) throws -> [AnyObject?] {
        let offers = try group.exchange(
            ThreadGroup.Offer(agreement: agreement, readable: nil, writable: nil, object: object), rank: rank)
        group.complete()
        return offers.map(\.object)
    }

    /// One collective: every rank offers, works on what all offered, and waits until nobody does any more.
    private func meet(
        _ agreement: String, readable: UnsafeRawPointer? = nil, writable: UnsafeMutableRawPointer? = nil,
        _ work: ([ThreadGroup.Offer]) -> Void
    ) throws {
        let offer = ThreadGroup.Offer(agreement: agreement, readable: readable, writable: writable)
        work(try group.exchange(offer, rank: rank))
        group.complete()
    }

    private func copy<E: CollectiveElement>(
        _ offer: ThreadGroup.Offer, into target: Slice<UnsafeMutableBufferPointer<E>>
    ) {
        guard !target.isEmpty, let source = offer.readable else { return }
        let elements = UnsafeRawBufferPointer(start: source, count: target.count * MemoryLayout<E>.stride)
        UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: target)).copyMemory(from: elements)
    }
}
