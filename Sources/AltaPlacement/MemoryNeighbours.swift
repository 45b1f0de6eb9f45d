import AltaComm
import AltaCore
import Foundation

/// Whether ranks that are near one memory keep one copy of what never changes, or one each.
public enum FrozenSharing: String, Sendable, CaseIterable {
    /// One copy for the ranks of a NUMA node.
    case shared
    /// A copy for each rank.
    case `private`

    /// The variable of the environment that chooses.
    public static let variable = "ALTA_FROZEN"

    /// What the environment says; `shared` where it says nothing.
    ///
    /// - Throws: `AltaError` where it says anything else.
    public init(environment: [String: String]) throws {
        let text = environment[FrozenSharing.variable] ?? FrozenSharing.shared.rawValue
        guard let sharing = FrozenSharing(rawValue: text) else {
            throw AltaError(
                "\(FrozenSharing.variable) is \(text)", why: "it must be shared or private",
                remedy: "leave it out for one copy of the frozen weights on each memory node")
        }
        self = sharing
    }
}

/// Which ranks of a job are near which memory.
public struct MemoryNeighbours: Sendable, Equatable {
    /// The ranks by the memory that they are near, ascending, in the order of their first ranks. Every rank is in one.
    public let groups: [[Int]]
    /// This rank's group.
    public let own: [Int]
    /// The NUMA nodes that this rank's cores lie on.
    public let memoryNodes: [Int]

    /// Groups the ranks by the places they name.
    ///
    /// - Parameter places: `[R]`, a text that is the same for ranks that may share memory.
    public init(places: [String], rank: Int, memoryNodes: [Int]) {
        var order: [String] = []
        var ranks: [String: [Int]] = [:]
        for (rank, place) in places.enumerated() {
            if ranks[place] == nil { order.append(place) }
            ranks[place, default: []].append(rank)
        }
        groups = order.compactMap { ranks[$0] }
        own = ranks[places[rank]] ?? [rank]
        self.memoryNodes = memoryNodes
    }

    /// Collective. Ranks share where they want to and host, kernel, numbering of processes and NUMA nodes are the same:
    /// those bound to one node a copy there, those bound to none a copy that lies on all nodes by turns.
    public static func find(
        _ sharing: FrozenSharing, topology: MachineTopology, collectives: any Collectives
    ) throws -> MemoryNeighbours {
        let nodes = topology.nearMemoryNodes
        var place = "private \(collectives.rank)"
        if sharing == .shared {
            let kernel = SystemFile.textIfPresent("/proc/sys/kernel/random/boot_id") ?? "unknown"
            let processes = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")
            let parts = [collectives.hostName, kernel, processes ?? "unknown", "\(nodes)"]
            place = parts.joined(separator: " ")
        }
        return MemoryNeighbours(
            places: try collectives.allGather(place), rank: collectives.rank, memoryNodes: nodes)
    }
}

extension MachineTopology {
    /// The numbers of the memory nodes that the usable cores lie on.
    public var nearMemoryNodes: [Int] {
        memoryNodes.filter { !Set($0.cores.cores).isDisjoint(with: usableCores.cores) }.map(\.number)
    }
}
