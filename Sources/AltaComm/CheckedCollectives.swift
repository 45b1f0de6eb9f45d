import AltaCore

/// Collectives that first compare what the ranks call, and throw on every rank of the group where they differ.
///
/// Over MPI, ranks in different collectives wait for ever or take one another's bytes. The comparison is the same small
/// all-gather whatever is called, so it completes where the calls themselves would not. It costs as much as a small
/// collective each time, hence `ALTA_CHECK_COLLECTIVES=1`.
public final class CheckedCollectives: Collectives {
    /// The variable that asks for them, with 1.
    public static let variable = "ALTA_CHECK_COLLECTIVES"

    let base: any Collectives

    /// Compares calls before they reach `base`.
    public init(_ base: any Collectives) { self.base = base }

    /// `base` itself, or checked where the environment asks for it; the same on every rank.
    public static func asked(_ environment: [String: String], _ base: any Collectives) -> any Collectives {
        environment[variable] == "1" ? CheckedCollectives(base) : base
    }

    /// This rank, from 0.
    public var rank: Int { base.rank }
    /// The number of ranks.
    public var rankCount: Int { base.rankCount }
    /// The name of this machine.
    public var hostName: String { base.hostName }

    /// Returns when every rank has called it. Collective.
    public func barrier() throws {
        try check(CollectiveCall(kind: .barrier))
        try base.barrier()
    }

    /// Fills every rank's buffer with the root's. Collective.
    public func broadcast<E: CollectiveElement>(_ buffer: UnsafeMutableBufferPointer<E>, from root: Int) throws {
        try check(.broadcast(buffer, from: root))
        try base.broadcast(buffer, from: root)
    }

    /// Combines the buffers of all ranks in place. Collective.
    public func allReduce<E: CollectiveElement>(
        _ buffer: UnsafeMutableBufferPointer<E>, _ operation: ReduceOperation
    ) throws {
        try check(.reduction(.allReduce, buffer, operation))
        try base.allReduce(buffer, operation)
    }

    /// Concatenates the elements of all ranks on every rank. Collective.
    public func allGather<E: CollectiveElement>(
        _ mine: UnsafeBufferPointer<E>, counts: [Int], into all: UnsafeMutableBufferPointer<E>
    ) throws {
        try check(.ofCounts(.allGather, E.self, counts, total: all.count))
        try base.allGather(mine, counts: counts, into: all)
    }

    /// Adds the buffers of all ranks and gives each rank its slice. Collective.
    public func reduceScatter<E: CollectiveElement>(
        _ all: UnsafeBufferPointer<E>, counts: [Int], into mine: UnsafeMutableBufferPointer<E>
    ) throws {
        try check(.ofCounts(.reduceScatter, E.self, counts, total: all.count))
        try base.reduceScatter(all, counts: counts, into: mine)
    }

    /// Begins to combine the buffers of all ranks in place; here it waits for all of them to begin. Collective.
    public func startAllReduce<E: CollectiveElement>(
        _ buffer: UnsafeMutableBufferPointer<E>, _ operation: ReduceOperation
    ) throws -> any StartedReduction {
        try check(.reduction(.startAllReduce, buffer, operation))
        return try base.startAllReduce(buffer, operation)
    }

    /// The ranks that name the same color, checked too. Collective.
    public func split(color: Int) throws -> any Collectives {
        try check(CollectiveCall(kind: .split))
        return CheckedCollectives(try base.split(color: color))
    }

    /// The ranks that can share memory with this one, checked too. Collective.
    public func splitByMemory() throws -> any Collectives {
        try check(CollectiveCall(kind: .splitByMemory))
        return CheckedCollectives(try base.splitByMemory())
    }

    /// Memory that every rank reads and writes in place; ranks may ask for different sizes. Collective.
    public func shareMemory(byteCount: Int) throws -> SharedMemory {
        try check(CollectiveCall(kind: .shareMemory))
        return try base.shareMemory(byteCount: byteCount)
    }

    /// Hands on what was written into shared memory for others. Not collective.
    public func noteShared(byteCount: Int) { base.noteShared(byteCount: byteCount) }

    /// Lets others have the processor. Not collective.
    public func pause() throws { try base.pause() }

    /// Waits for what other ranks write into shared memory; nothing is sent, so nothing is compared.
    public func waitInMemory(until isDone: () throws -> Bool) throws { try base.waitInMemory(until: isDone) }

    /// Ends every rank of the job. Not collective; any thread may call it.
    public func abort(exitCode: Int32) { base.abort(exitCode: exitCode) }

    private func check(_ call: CollectiveCall) throws {
        let words = call.words
        let all = try base.allGather(words, counts: Array(repeating: words.count, count: rankCount))
        let calls = (0..<rankCount).map { Array(all[$0 * words.count..<($0 + 1) * words.count]) }
        // Where not even the majority is known, it is the first rank's call that others are held against.
        guard let other = calls.firstIndex(where: { $0 != calls[0] }) else { return }
        throw AltaError(
            "the ranks are in different collectives", why: Self.differences(calls),
            remedy: "every rank must call the same, in the same order: look at where these calls come from",
            rank: Self.odd(calls) ?? other)
    }

    /// The calls, each with its ranks, the commonest first.
    private static func differences(_ calls: [[UInt64]]) -> String {
        let groups = Dictionary(grouping: calls.indices) { calls[$0] }
            .sorted { ($1.value.count, $0.value[0]) < ($0.value.count, $1.value[0]) }
        return groups.map { words, ranks in
            "\(RankList.text(ranks)) in \(RankOperation(call: words).call)"
        }.joined(separator: ", ")
    }

    /// The first rank whose call is not the commonest; nil where two are equally common.
    private static func odd(_ calls: [[UInt64]]) -> Int? {
        let counts = calls.map { call in calls.count { $0 == call } }
        guard let most = counts.max(), let usual = counts.firstIndex(of: most),
            Set(calls.indices.filter { counts[$0] == most }.map { calls[$0] }).count == 1
        else { return nil }
        return calls.firstIndex { $0 != calls[usual] }
    }
}

extension CheckedCollectives: WholeMessages {
    var wholeMessages: any Collectives {
        (base as? any WholeMessages).map { CheckedCollectives($0.wholeMessages) } ?? self
    }
}
