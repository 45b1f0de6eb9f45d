import AltaComm
import AltaCore

/// Memory for what never changes during a run: one copy for the ranks of a NUMA node, filled by all of them, then read-only.
///
/// The first rank of a node makes a file without a name in memory (memfd), the others open it through `/proc`, all map
/// it, and `seal` makes it read-only for good. Where any rank of a node cannot, each of that node's ranks has a private
/// copy, and `fallbacks` says why: the contents are the same either way.
public final class FrozenStore {
    /// The size, bytes.
    public let byteCount: Int
    /// The ranks that share this memory and fill it together, ascending; this rank alone where it is private.
    public let ranks: [Int]
    /// Why nodes have private copies after all, a line each; the same on every rank.
    public let fallbacks: [String]

    private let mapping: MemoryMapping
    /// What is mapped, until it is sealed; nil where the memory is private.
    private var file: MemoryFile?
    private let collectives: any Collectives

    private init(
        byteCount: Int, ranks: [Int], fallbacks: [String], mapping: MemoryMapping, file: MemoryFile?,
        collectives: any Collectives
    ) {
        self.byteCount = byteCount
        self.ranks = ranks
        self.fallbacks = fallbacks
        self.mapping = mapping
        self.file = file
        self.collectives = collectives
    }

    /// The first byte, aligned to a page. Zeros at first; may be written until `seal`.
    public var base: UnsafeMutableRawPointer { mapping.base }

    /// This rank's place in `ranks`.
    public var place: Int { ranks.firstIndex(of: collectives.rank) ?? 0 }

    /// Collective. Memory of `byteCount` bytes, the same number on every rank.
    ///
    /// - Throws: `AltaError` on this rank alone where not even private memory can be had, or MPI fails.
    public static func open(
        byteCount: Int, neighbours: MemoryNeighbours, collectives: any Collectives
    ) throws -> FrozenStore {
        let attempt = try share(byteCount, neighbours, collectives)
        let faults = try collectives.allGather(attempt.fault ?? "")
        let fallbacks = describe(faults, groups: neighbours.groups)
        if let mapping = attempt.mapping, neighbours.own.allSatisfy({ faults[$0].isEmpty }) {
            return FrozenStore(
                byteCount: byteCount, ranks: neighbours.own, fallbacks: fallbacks, mapping: mapping,
                file: attempt.file, collectives: collectives)
        }
        let own = try MemoryMapping.anonymous(byteCount: byteCount)
        own.place(memoryNodes: neighbours.memoryNodes)
        return FrozenStore(
            byteCount: byteCount, ranks: [collectives.rank], fallbacks: fallbacks, mapping: own, file: nil,
            collectives: collectives)
    }

    /// Collective. Waits until every rank has written its part; from then on the memory can only be read.
    ///
    /// - Throws: `AltaError` on this rank alone where the system refuses that.
    public func seal() throws {
        try collectives.barrier()
        guard let file else {
            try mapping.protect()
            return try collectives.barrier()
        }
        try mapping.replaceForReading(file)
        // The seal needs that no rank can write any more.
        try collectives.barrier()
        if place == 0 { try file.seal() }
        self.file = nil
    }

    /// What came of the attempt to share; without neighbours there is none, and no fault.
    private struct Attempt {
        var file: MemoryFile?
        var mapping: MemoryMapping?
        var fault: String?
    }

    /// Collective: the first rank of each group makes a file and tells where it is, the others open it.
    private static func share(
        _ byteCount: Int, _ neighbours: MemoryNeighbours, _ collectives: any Collectives
    ) throws -> Attempt {
        var attempt = Attempt()
        let first = neighbours.own[0]
        let isFirst = first == collectives.rank
        func attempting(_ body: () throws -> Void) {
            do { try body() } catch { attempt.fault = "rank \(collectives.rank): \(error)" }
        }
        var address = ""
        if isFirst && neighbours.own.count > 1 {
            attempting {
                let file = try MemoryFile.create(byteCount: byteCount)
                let mapping = try MemoryMapping.shared(file, byteCount: byteCount)
                mapping.place(memoryNodes: neighbours.memoryNodes)
                try file.reserve(byteCount: byteCount)
                address = try file.address().text
                (attempt.file, attempt.mapping) = (file, mapping)
            }
        }
        let addresses = try collectives.allGather(address)
        // An empty address is the first rank's fault, which it tells by itself.
        if !isFirst, let address = MemoryFile.Address(text: addresses[first]) {
            attempting {
                let file = try MemoryFile.open(address, byteCount: byteCount)
                (attempt.file, attempt.mapping) = (file, try MemoryMapping.shared(file, byteCount: byteCount))
            }
        }
        return attempt
    }

    private static func describe(_ faults: [String], groups: [[Int]]) -> [String] {
        groups.compactMap { group in
            guard let rank = group.first(where: { !faults[$0].isEmpty }) else { return nil }
            return "\(group.count) ranks, from rank \(group[0]) on, keep a copy each: \(faults[rank])"
        }
    }
}
