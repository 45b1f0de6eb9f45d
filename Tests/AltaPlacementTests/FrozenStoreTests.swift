import AltaComm
import AltaCore
import AltaPlacement
import AltaTestSupport
import Foundation
import Testing

/// One copy for the ranks of a memory node, as threads and as processes, and what happens where there can be none.
@Suite(.serialized) struct FrozenStoreTests {
    static let byteCount = 1_000_003

    /// What one rank says of its store.
    private struct Facts {
        let json: JSONValue
        var rank: Int { json["rank"]?.int ?? -1 }
        var ranks: [Int] { (json["ranks"]?.array ?? []).compactMap(\.int) }
        var fallbacks: [String] { (json["fallbacks"]?.array ?? []).compactMap(\.string) }
        var hash: String { json["hash"]?.string ?? "" }
        var permissions: String { json["permissions"]?.string ?? "" }
        var openFiles: Int { json["files"]?.int ?? -1 }
        func bytes(_ key: String) -> Int { json[key]?.int ?? -1 }
    }

    @Test(arguments: 1...3) func threadsShareOneCopy(ranks: Int) throws {
        try expectShared(try run(["--threads", "\(ranks)"]), ranks: ranks)
    }

    @Test(.enabled(if: JobRunner.hasMpirun, "needs mpirun"), arguments: 1...3)
    func processesShareOneCopy(ranks: Int) throws {
        try expectShared(try run(overMPI: ranks), ranks: ranks)
    }

    /// Where one rank cannot make the file, or cannot open it, all keep a copy, say so, and have the same bytes.
    @Test(.enabled(if: JobRunner.hasMpirun, "needs mpirun"), arguments: [0, 1, 2])
    func whereOneRankCannotAllKeepACopy(faulty: Int) throws {
        let facts = try run(overMPI: 3, ["--fault", "\(faulty)"])
        try expectPrivate(facts, ranks: 3)
        for each in facts {
            #expect(each.fallbacks.count == 1)
            #expect(each.fallbacks[0].contains("rank \(faulty): ") && each.fallbacks[0].contains("Too many open files"))
        }
    }

    @Test(.enabled(if: JobRunner.hasMpirun, "needs mpirun")) func theEnvironmentAsksForCopies() throws {
        let facts = try run(overMPI: 2, environment: [FrozenSharing.variable: "private"])
        try expectPrivate(facts, ranks: 2)
        #expect(facts.allSatisfy { $0.fallbacks.isEmpty })
        let error = #expect(throws: AltaError.self) { try FrozenSharing(environment: ["ALTA_FROZEN": "both"]) }
        #expect(error?.description.contains("ALTA_FROZEN is both") == true)
    }

    /// The second rank adds nothing: half of 64 MB counts for each, none of it is its own.
    @Test(.enabled(if: JobRunner.hasMpirun, "needs mpirun")) func sharedMemoryCountsOnce() throws {
        let size = 64 << 20
        let shared = try run(overMPI: 2, ["--bytes", "\(size)"])
        let copies = try run(
            overMPI: 2, ["--bytes", "\(size)"], environment: [FrozenSharing.variable: "private"])
        let slack = 4 << 20
        for (one, other) in zip(shared, copies) {
            #expect(abs(other.bytes("private_bytes") - one.bytes("private_bytes") - size) < slack)
            #expect(abs(other.bytes("proportional_bytes") - one.bytes("proportional_bytes") - size / 2) < slack)
        }
    }

    /// What no rank can have is an error on all, and nobody waits.
    @Test(.enabled(if: JobRunner.hasMpirun, "needs mpirun")) func impossibleSizesEndTheJob() throws {
        let outcome = try JobRunner.run("alta-frozen-check", ranks: 2, ["--bytes", "\(1 << 52)"])
        #expect(outcome.exitCode == 1)
        #expect(outcome.errors.contains("no room for \(1 << 52) bytes of frozen weights"))
        #expect(outcome.remaining == 0 && outcome.seconds < 30)
    }

    @Test func ranksAreGroupedByPlace() {
        let places = ["a 0", "b 0", "a 0", "a 1", "b 0"]
        let groups = [[0, 2], [1, 4], [3]]
        for (rank, own) in [(0, 0), (1, 1), (2, 0), (3, 2), (4, 1)] {
            let neighbours = MemoryNeighbours(places: places, rank: rank, memoryNodes: [0])
            #expect(neighbours.groups == groups && neighbours.own == groups[own])
        }
    }

    private func expectShared(_ facts: [Facts], ranks: Int) throws {
        try #require(facts.count == ranks)
        let hash = expectedHash
        for (rank, each) in facts.enumerated() {
            #expect(each.rank == rank && each.ranks == Array(0..<ranks) && each.fallbacks.isEmpty)
            #expect(each.hash == hash && each.openFiles == 0)
            #expect(each.permissions == (ranks > 1 ? "r--s" : "r--p"))
        }
    }

    private func expectPrivate(_ facts: [Facts], ranks: Int) throws {
        try #require(facts.count == ranks)
        let hash = expectedHash
        for (rank, each) in facts.enumerated() {
            #expect(each.rank == rank && each.ranks == [rank] && each.permissions == "r--p")
            #expect(each.hash == hash && each.openFiles == 0)
        }
    }

    private var expectedHash: String {
        var hash = StableHash()
        (0..<Self.byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31) }.withUnsafeBytes { hash.combine($0) }
        return hash.hex
    }

    private func run(
        overMPI ranks: Int, _ options: [String] = [], environment: [String: String] = [:]
    ) throws -> [Facts] {
        try facts(JobRunner.run("alta-frozen-check", ranks: ranks, options, environment: environment))
    }

    private func run(_ options: [String]) throws -> [Facts] {
        try facts(JobRunner.runAlone("alta-frozen-check", options))
    }

    private func facts(_ outcome: JobOutcome) throws -> [Facts] {
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        #expect(outcome.remaining == 0)
        return try outcome.output.split(separator: "\n").map { Facts(json: try JSONValue(parsing: String($0))) }
            .sorted { $0.rank < $1.rank }
    }
}
