import AltaCore

/// Collectives that tell on the rank's board what they are about to wait for, and leave the work to others.
///
/// Groups made of these are watched too, on the same board. What it costs is some fifty stores and two looks at the
/// clock for each collective.
public final class WatchedCollectives: Collectives {
    let base: any Collectives
    /// Where it is told.
    public let board: RankBoard
    let group: WatchedGroup

    /// Watches the ranks of a whole job.
    public convenience init(_ base: any Collectives, board: RankBoard) {
        self.init(base, board: board, group: WatchedGroup(id: 0, members: Array(0..<base.rankCount)))
    }

    init(_ base: any Collectives, board: RankBoard, group: WatchedGroup) {
        self.base = base
        self.board = board
        self.group = group
        board.groups.withLock { $0[group.id] = group.members }
    }

    /// This rank, from 0.
    public var rank: Int { base.rank }
    /// The number of ranks.
    public var rankCount: Int { base.rankCount }
    /// The name of this machine.
    public var hostName: String { base.hostName }

    /// Returns when every rank has called it. Collective.
    public func barrier() throws { try watch(CollectiveCall(kind: .barrier)) { try base.barrier() } }

    /// Fills every rank's buffer with the root's. Collective.
    public func broadcast<E: CollectiveElement>(_ buffer: UnsafeMutableBufferPointer<E>, from root: Int) throws {
        try watch(.broadcast(buffer, from: root)) { try base.broadcast(buffer, from: root) }
    }

    /// Combines the buffers of all ranks in place. Collective.
    public func allReduce<E: CollectiveElement>(
        _ buffer: UnsafeMutableBufferPointer<E>, _ operation: ReduceOperation
    ) throws {
        try watch(.reduction(.allReduce, buffer, operation)) { try base.allReduce(buffer, operation) }
    }

    /// Concatenates the elements of all ranks on every rank. Collective.
    public func allGather<E: CollectiveElement>(
        _ mine: UnsafeBufferPointer<E>, counts: [Int], into all: UnsafeMutableBufferPointer<E>
    ) throws {
        try watch(.ofCounts(.allGather, E.self, counts, total: all.count)) {
            try base.allGather(mine, counts: counts, into: all)
        }
    }

    /// Adds the buffers of all ranks and gives each rank its slice. Collective.
    public func reduceScatter<E: CollectiveElement>(
        _ all: UnsafeBufferPointer<E>, counts: [Int], into mine: UnsafeMutableBufferPointer<E>
    ) throws {
        try watch(.ofCounts(.reduceScatter, E.self, counts, total: all.count)) {
            try base.reduceScatter(all, counts: counts, into: mine)
        }
    }

    /// Begins to combine the buffers of all ranks in place; waiting for its end is watched as well. Collective.
    public func startAllReduce<E: CollectiveElement>(
        _ buffer: UnsafeMutableBufferPointer<E>, _ operation: ReduceOperation
    ) throws -> any StartedReduction {
        let started = try watch(.reduction(.startAllReduce, buffer, operation)) {
            try base.startAllReduce(buffer, operation)
        }
        return WatchedReduction(
            started, board: board, call: .reduction(.finishAllReduce, buffer, operation), group: group.id,
            sequence: group.sequence)
    }

    /// The ranks that name the same color, watched on the same board. Collective.
    public func split(color: Int) throws -> any Collectives {
        try watch(CollectiveCall(kind: .split)) { try watched(try base.split(color: color)) }
    }

    /// The ranks that can share memory with this one, watched on the same board. Collective.
    public func splitByMemory() throws -> any Collectives {
        try watch(CollectiveCall(kind: .splitByMemory)) { try watched(try base.splitByMemory()) }
    }

    /// Memory that every rank reads and writes in place. Collective.
    public func shareMemory(byteCount: Int) throws -> SharedMemory {
        try watch(CollectiveCall(kind: .shareMemory, count: byteCount)) {
            try base.shareMemory(byteCount: byteCount)
        }
    }

    /// Hands on what was written into shared memory for others. Not collective.
    public func noteShared(byteCount: Int) { base.noteShared(byteCount: byteCount) }

    /// Lets others have the processor. Not collective.
    public func pause() throws { try base.pause() }

    /// Waits for what other ranks write into shared memory. Every rank of the group calls it at the same place.
    public func waitInMemory(until isDone: () throws -> Bool) throws {
        try watch(CollectiveCall(kind: .sharedMemory)) { try base.waitInMemory(until: isDone) }
    }

    /// Runs `body`, in which this rank leaves the job together with all others. Collective.
    public func leaving(_ body: () throws -> Void) throws { try watch(CollectiveCall(kind: .leave), body) }

    /// Ends every rank of the job. Not collective; any thread may call it.
    public func abort(exitCode: Int32) { base.abort(exitCode: exitCode) }

    private func watch<T>(_ call: CollectiveCall, _ body: () throws -> T) rethrows -> T {
        group.sequence += 1
        board.enter(call, group: group.id, sequence: group.sequence)
        defer { board.leave() }
        return try body()
    }

    /// A group of this group's ranks; its name follows from its members and from where it was made.
    private func watched(_ made: any Collectives) throws -> any Collectives {
        let members = try made.allGather(Int64(group.members[rank])).map { Int($0) }
        var hash = StableHash(seed: group.id)
        hash.combine(group.sequence)
        for member in members { hash.combine(UInt64(member)) }
        // 0 is the whole job's.
        let part = WatchedGroup(id: max(hash.value, 1), members: members)
        return WatchedCollectives(made, board: board, group: part)
    }
}

extension WatchedCollectives: WholeMessages {
    var wholeMessages: any Collectives {
        guard let whole = base as? any WholeMessages else { return self }
        return WatchedCollectives(whole.wholeMessages, board: board, group: group)
    }
}

/// Ranks that have collectives of their own, as seen by one of them.
final class WatchedGroup {
    /// The same on every member; 0: all ranks of the job.
    let id: UInt64
    /// Their ranks in the job.
    let members: [Int]
    /// How many operations there were.
    var sequence: UInt64 = 0

    init(id: UInt64, members: [Int]) {
        self.id = id
        self.members = members
    }
}

/// Tells that a rank waits for the end of a reduction.
private final class WatchedReduction: StartedReduction {
    private let base: any StartedReduction
    private let board: RankBoard
    private let call: CollectiveCall
    private let group: UInt64
    private let sequence: UInt64

    init(_ base: any StartedReduction, board: RankBoard, call: CollectiveCall, group: UInt64, sequence: UInt64) {
        self.base = base
        self.board = board
        self.call = call
        self.group = group
        self.sequence = sequence
    }

    func isDone() throws -> Bool { try base.isDone() }

    func wait() throws {
        board.enter(call, group: group, sequence: sequence)
        defer { board.leave() }
        try base.wait()
    }
}
