/// One collective of one rank: what it was, and when.
public struct CollectiveEvent: Sendable {
    /// The operation, as `all-reduce sum`.
    public var name: String
    /// The bytes of this rank's buffer.
    public var byteCount: Int
    /// When the rank entered it.
    public var start: ContinuousClock.Instant
    /// When the rank left it; of one in the background, when it was found done.
    public var end: ContinuousClock.Instant
    /// Whether the rank did something else meanwhile.
    public var isInBackground: Bool
}

/// Collectives that tell when each began and ended, and leave the work to others.
public final class TracedCollectives: Collectives {
    let base: any Collectives
    private let tell: (CollectiveEvent) -> Void
    /// Stands behind the names of a group's collectives.
    private let suffix: String

    /// Tells of what goes through `base`, its groups included; `tell` is called on the rank's own thread.
    public convenience init(_ base: any Collectives, tell: @escaping (CollectiveEvent) -> Void) {
        self.init(base, suffix: "", tell: tell)
    }

    private init(_ base: any Collectives, suffix: String, tell: @escaping (CollectiveEvent) -> Void) {
        self.base = base
        self.suffix = suffix
        self.tell = tell
    }

    /// This rank, from 0.
    public var rank: Int { base.rank }
    /// The number of ranks.
    public var rankCount: Int { base.rankCount }
    /// The name of this machine.
    public var hostName: String { base.hostName }

    /// Returns when every rank has called it. Collective.
    public func barrier() throws { try trace("barrier", 0) { try base.barrier() } }

    /// Fills every rank's buffer with the root's. Collective.
    public func broadcast<E: CollectiveElement>(_ buffer: UnsafeMutableBufferPointer<E>, from root: Int) throws {
        try trace("broadcast", bytes(buffer.count, E.self)) { try base.broadcast(buffer, from: root) }
    }

    /// Combines the buffers of all ranks in place. Collective.
    public func allReduce<E: CollectiveElement>(
        _ buffer: UnsafeMutableBufferPointer<E>, _ operation: ReduceOperation
    ) throws {
        try trace("all-reduce \(operation.rawValue)", bytes(buffer.count, E.self)) {
            try base.allReduce(buffer, operation)
        }
    }

    /// Concatenates the elements of all ranks on every rank. Collective.
    public func allGather<E: CollectiveElement>(
        _ mine: UnsafeBufferPointer<E>, counts: [Int], into all: UnsafeMutableBufferPointer<E>
    ) throws {
        try trace("all-gather", bytes(mine.count, E.self)) { try base.allGather(mine, counts: counts, into: all) }
    }

    /// Adds the buffers of all ranks and gives each rank its slice. Collective.
    public func reduceScatter<E: CollectiveElement>(
        _ all: UnsafeBufferPointer<E>, counts: [Int], into mine: UnsafeMutableBufferPointer<E>
    ) throws {
        try trace("reduce-scatter", bytes(all.count, E.self)) {
            try base.reduceScatter(all, counts: counts, into: mine)
        }
    }

    /// Begins to combine the buffers of all ranks in place; told of when it is found done. Collective.
    public func startAllReduce<E: CollectiveElement>(
        _ buffer: UnsafeMutableBufferPointer<E>, _ operation: ReduceOperation
    ) throws -> any StartedReduction {
        let event = CollectiveEvent(
            name: "all-reduce \(operation.rawValue)\(suffix)", byteCount: bytes(buffer.count, E.self), start: .now,
            end: .now, isInBackground: true)
        return TracedReduction(try base.startAllReduce(buffer, operation), event: event, tell: tell)
    }

    /// The ranks that name the same color; told of alike. Collective.
    public func split(color: Int) throws -> any Collectives { group(try base.split(color: color)) }

    /// The ranks that can share memory with this one; told of alike. Collective.
    public func splitByMemory() throws -> any Collectives { group(try base.splitByMemory()) }

    /// Memory that every rank reads and writes in place. Collective.
    public func shareMemory(byteCount: Int) throws -> SharedMemory { try base.shareMemory(byteCount: byteCount) }

    /// Tells that this rank wrote into shared memory for others. Not collective.
    public func noteShared(byteCount: Int) { base.noteShared(byteCount: byteCount) }

    /// Lets others have the processor. Not collective.
    public func pause() throws { try base.pause() }

    /// Waits for what other ranks write into shared memory. Every rank of the group calls it at the same place.
    public func waitInMemory(until isDone: () throws -> Bool) throws { try base.waitInMemory(until: isDone) }

    /// Ends every rank of the job. Not collective; any thread may call it.
    public func abort(exitCode: Int32) { base.abort(exitCode: exitCode) }

    private func group(_ ranks: any Collectives) -> any Collectives {
        TracedCollectives(ranks, suffix: " (\(ranks.rankCount) of \(base.rankCount) ranks)", tell: tell)
    }

    private func bytes<E>(_ count: Int, _ type: E.Type) -> Int { count * MemoryLayout<E>.stride }

    private func trace(_ name: String, _ byteCount: Int, _ body: () throws -> Void) rethrows {
        let start = ContinuousClock.now
        try body()
        tell(
            CollectiveEvent(
                name: name + suffix, byteCount: byteCount, start: start, end: .now, isInBackground: false))
    }
}

extension TracedCollectives: WholeMessages {
    var wholeMessages: any Collectives {
        guard let whole = base as? any WholeMessages else { return self }
        return TracedCollectives(whole.wholeMessages, suffix: suffix, tell: tell)
    }
}

/// A reduction in the background that tells when it is found done.
private final class TracedReduction: StartedReduction {
    private let base: any StartedReduction
    private var event: CollectiveEvent?
    private let tell: (CollectiveEvent) -> Void

    init(_ base: any StartedReduction, event: CollectiveEvent, tell: @escaping (CollectiveEvent) -> Void) {
        self.base = base
        self.event = event
        self.tell = tell
    }

    func isDone() throws -> Bool {
        let isDone = try base.isDone()
        if isDone { finish() }
        return isDone
    }

    func wait() throws {
        try base.wait()
        finish()
    }

    private func finish() {
        guard var ended = event else { return }
        event = nil
        ended.end = .now
        tell(ended)
    }
}
