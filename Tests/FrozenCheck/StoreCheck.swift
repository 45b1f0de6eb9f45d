import AltaComm
import AltaCore
import AltaPlacement
import Foundation

/// What one rank does with a store, and what it then has.
struct StoreCheck {
    let byteCount: Int
    let faultyRank: Int?

    /// Collective. Opens, fills and seals a store; the facts as a JSON object on one line.
    func line(collectives: any Collectives) throws -> String {
        let neighbours = try MemoryNeighbours.find(
            try FrozenSharing(environment: ProcessInfo.processInfo.environment),
            topology: try MachineTopology.current(),
            collectives: collectives)
        let store = try open(neighbours, collectives)
        let share = byteCount * store.place / store.ranks.count..<byteCount * (store.place + 1) / store.ranks.count
        for index in share {
            store.base.storeBytes(of: UInt8(truncatingIfNeeded: index &* 31), toByteOffset: index, as: UInt8.self)
        }
        try store.seal()
        // Ranks that are threads have their files in one process.
        try collectives.barrier()
        var object = JSONObject()
        object["rank"] = .integer(collectives.rank)
        object["ranks"] = .array(store.ranks.map { .integer($0) })
        object["fallbacks"] = .array(store.fallbacks.map { .string($0) })
        var hash = StableHash()
        hash.combine(UnsafeRawBufferPointer(start: store.base, count: byteCount))
        object["hash"] = .string(hash.hex)
        object["permissions"] = .string(permissions(of: store.base))
        object["files"] = .integer(try openMemoryFiles())
        object["proportional_bytes"] = .integer(try ProcessMemory.proportionalBytes())
        object["private_bytes"] = .integer(try ProcessMemory.privateBytes())
        // Nobody leaves before all have counted: shares would grow.
        try collectives.barrier()
        return try withExtendedLifetime(store) { try JSONValue.object(object).text() }
    }

    private func open(_ neighbours: MemoryNeighbours, _ collectives: any Collectives) throws -> FrozenStore {
        guard collectives.rank == faultyRank else {
            return try FrozenStore.open(byteCount: byteCount, neighbours: neighbours, collectives: collectives)
        }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(7), &limit)  // RLIMIT_NOFILE
        let before = limit
        limit.rlim_cur = 3
        setrlimit(__rlimit_resource_t(7), &limit)
        defer {
            limit = before
            setrlimit(__rlimit_resource_t(7), &limit)
        }
        return try FrozenStore.open(byteCount: byteCount, neighbours: neighbours, collectives: collectives)
    }

    /// How the kernel has mapped an address, as `r--s`.
    private func permissions(of address: UnsafeMutableRawPointer) -> String {
        let wanted = UInt(bitPattern: address)
        let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
        for line in maps.split(separator: "\n") {
            let fields = line.split(separator: " ")
            let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            if ends.count == 2, (ends[0]..<ends[1]).contains(wanted) { return String(fields[1]) }
        }
        return "unmapped"
    }

    /// The memory files that this process still has open.
    private func openMemoryFiles() throws -> Int {
        let files = FileManager.default
        return try files.contentsOfDirectory(atPath: "/proc/self/fd").count {
            (try? files.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?.contains("alta-frozen") == true
        }
    }
}
