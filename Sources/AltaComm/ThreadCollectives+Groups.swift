import AltaCore
import Foundation

extension ThreadCollectives {
    /// The ranks that name the same color, in the order of their ranks. Collective.
    public func split(color: Int) throws -> any Collectives {
        let colors = try allGather(Int64(color))
        let members = colors.indices.filter { colors[$0] == Int64(color) }
        let own = members[0] == rank ? group.makeChild(of: members) : nil
        let groups = try exchange("split", own)
        guard let shared = groups[members[0]] as? ThreadGroup, let place = members.firstIndex(of: rank) else {
            preconditionFailure("rank \(members[0]) made no group of \(members)")
        }
        return ThreadCollectives(rank: place, hostName: hostName, group: shared)
    }

    /// All ranks: threads share their process's memory. Collective.
    public func splitByMemory() throws -> any Collectives { try split(color: 0) }

    /// Memory of the process, which goes with the last rank's object. Collective.
    public func shareMemory(byteCount: Int) throws -> SharedMemory {
        let blocks = try exchange(
            "shared memory", ThreadMemory(byteCount: SharedMemory.reservedByteCount(byteCount)))
        let backing = ThreadWindow(blocks: blocks.compactMap { $0 as? ThreadMemory })
        return SharedMemory(rank: rank, mapped: backing.blocks.map(\.bytes), backing: backing)
    }

    /// Begins to combine the buffers of all ranks in place. Collective.
    public func startAllReduce<E: CollectiveElement>(
        _ buffer: UnsafeMutableBufferPointer<E>, _ operation: ReduceOperation
    ) throws -> any StartedReduction {
        if let error = group.check("all-reduce") { throw error.at(rank: rank) }
        let number = startedCount
        startedCount += 1
        let count = buffer.count
        let entry = try group.reductions.join(
            number, rank: rank, agreement: "all-reduce (\(operation.rawValue)) of \(count) \(E.elementType.rawValue)",
            buffer: UnsafeMutableRawPointer(buffer.baseAddress)
        ) { parts in
            for part in parts.dropFirst() { E.elementType.accumulate(operation, part, into: parts[0], count: count) }
            for part in parts.dropFirst() {
                part.copyMemory(from: parts[0], byteCount: count * MemoryLayout<E>.stride)
            }
        }
        return ThreadStartedReduction(entry: entry, ranks: self, group: group)
    }

    /// Lets other threads run. Not collective.
    public func pause() throws {
        if let error = group.failed { throw error.at(rank: rank) }
        sched_yield()
    }

    /// Waits for what other ranks write into shared memory. Every rank of the group calls it at the same place.
    public func waitInMemory(until isDone: () throws -> Bool) throws { try pause(until: isDone) }
}

/// One rank's part; freed when no rank refers to it any more.
private final class ThreadMemory: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
        bytes = .allocate(byteCount: byteCount, alignment: SharedMemory.alignment)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { bytes.deallocate() }
}

/// Every rank's part, kept by every rank.
private final class ThreadWindow: SharedMemoryBacking {
    let blocks: [ThreadMemory]

    init(blocks: [ThreadMemory]) { self.blocks = blocks }

    func free() throws {}
}

/// A rank's view of a reduction.
private final class ThreadStartedReduction: StartedReduction {
    private let entry: ThreadReductions.Entry
    private let ranks: ThreadCollectives
    private let group: ThreadGroup

    init(entry: ThreadReductions.Entry, ranks: ThreadCollectives, group: ThreadGroup) {
        self.entry = entry
        self.ranks = ranks
        self.group = group
    }

    func isDone() throws -> Bool { group.reductions.isDone(entry) }

    func wait() throws { while try !isDone() { try ranks.pause() } }
}
