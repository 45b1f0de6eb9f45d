/// Counts the bytes that a rank gives to others. Not for more than one thread at a time.
public final class ByteMeter {
    /// The bytes since the last `reset`.
    public private(set) var bytesSent: Int = 0

    /// A meter at zero.
    public init() {}

    /// Starts again at zero.
    public func reset() { bytesSent = 0 }

    /// Adds the bytes of `count` elements of one type.
    func add<E>(_ count: Int, of type: E.Type) { bytesSent += count * MemoryLayout<E>.stride }
}

/// Collectives that count what this rank gives to other ranks, and leave the work to others.
///
/// What counts are the bytes that a rank hands over for the rest of the job, each once: its buffer in an all-reduce, its
/// elements in an all-gather, the slices of others in a reduce-scatter, the root's buffer in a broadcast, and what is written
/// into shared memory for others to read. How often they travel is the transport's affair. A lone rank sends nothing.
public final class MeteredCollectives: Collectives {
    /// What was counted.
    public let meter: ByteMeter
    let base: any Collectives

    /// Counts what goes through `base` on `meter`.
    public init(_ base: any Collectives, meter: ByteMeter = ByteMeter()) {
        self.base = base
        self.meter = meter
    }

    /// This rank, from 0.
    public var rank: Int { base.rank }
    /// The number of ranks.
    public var rankCount: Int { base.rankCount }
    /// The name of this machine.
    public var hostName: String { base.hostName }

    /// Returns when every rank has called it; counts as nothing. Collective.
    public func barrier() throws { try base.barrier() }

    /// Fills every rank's buffer with the root's. Collective.
    public func broadcast<E: CollectiveElement>(_ buffer: UnsafeMutableBufferPointer<E>, from root: Int) throws {
        count(rank == root ? buffer.count : 0, of: E.self)
        try base.broadcast(buffer, from: root)
    }

    /// Combines the buffers of all ranks in place. Collective.
    public func allReduce<E: CollectiveElement>(
        _ buffer: UnsafeMutableBufferPointer<E>, _ operation: ReduceOperation
    ) throws {
        count(buffer.count, of: E.self)
        try base.allReduce(buffer, operation)
    }

    /// Concatenates the elements of all ranks on every rank. Collective.
    public func allGather<E: CollectiveElement>(
        _ mine: UnsafeBufferPointer<E>, counts: [Int], into all: UnsafeMutableBufferPointer<E>
    ) throws {
        count(mine.count, of: E.self)
        try base.allGather(mine, counts: counts, into: all)
    }

    /// Adds the buffers of all ranks and gives each rank its slice. Collective.
    public func reduceScatter<E: CollectiveElement>(
        _ all: UnsafeBufferPointer<E>, counts: [Int], into mine: UnsafeMutableBufferPointer<E>
    ) throws {
        count(max(0, all.count - mine.count), of: E.self)
        try base.reduceScatter(all, counts: counts, into: mine)
    }

    /// Begins to combine the buffers of all ranks in place. Collective.
    public func startAllReduce<E: CollectiveElement>(
        _ buffer: UnsafeMutableBufferPointer<E>, _ operation: ReduceOperation
    ) throws -> any StartedReduction {
        count(buffer.count, of: E.self)
        return try base.startAllReduce(buffer, operation)
    }

    /// The ranks that name the same color; counts on the same meter. Collective.
    public func split(color: Int) throws -> any Collectives {
        MeteredCollectives(try base.split(color: color), meter: meter)
    }

    /// The ranks that can share memory with this one; counts on the same meter. Collective.
    public func splitByMemory() throws -> any Collectives {
        MeteredCollectives(try base.splitByMemory(), meter: meter)
    }

    /// Memory that every rank reads and writes in place. Collective.
    public func shareMemory(byteCount: Int) throws -> SharedMemory { try base.shareMemory(byteCount: byteCount) }

    /// Counts what was written into shared memory for others. Not collective.
    public func noteShared(byteCount: Int) { count(byteCount, of: UInt8.self) }

    /// Lets others have the processor. Not collective.
    public func pause() throws { try base.pause() }

    /// Waits for what other ranks write into shared memory. Every rank of the group calls it at the same place.
    public func waitInMemory(until isDone: () throws -> Bool) throws { try base.waitInMemory(until: isDone) }

    /// Ends every rank of the job. Not collective; any thread may call it.
    public func abort(exitCode: Int32) { base.abort(exitCode: exitCode) }

    private func count<E>(_ count: Int, of type: E.Type) {
        if rankCount > 1 { meter.add(count, of: type) }
    }
}
