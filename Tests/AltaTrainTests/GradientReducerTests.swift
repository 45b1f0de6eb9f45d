import AltaAutograd
import AltaComm
import AltaCore
import AltaTensor
import AltaTrain
import Foundation
import Testing

/// Gradients over ranks, nodes and buckets: the same bits however they are cut.
@Suite struct GradientReducerTests {
    /// Unequal parameters over more than two blocks of squares; the last is a scalar.
    static let shapes = [(3, 7), (130, 150), (1, 150), (90, 200), (1, 1)].map { (rows: $0.0, columns: $0.1) }
    static let studies = 7

    /// What one rank finds after two rounds.
    struct Found: Sendable, Equatable {
        var gradient: [UInt32]
        var norm: UInt64
    }

    /// The partial of a study at an element, in units of 2^-44; other numbers in each round.
    static func units(_ study: Int, _ index: Int, _ round: Int) -> Int64 {
        Int64((study &* 7919 &+ index &* 104_729 &+ round &* 31) % 1_000_003 - 500_000) << 20
    }

    /// Two rounds of sums over `ranks` ranks; every rank's gradient is compared with the first's.
    static func reduce(
        _ sum: GradientSum, ranks: Int, nodes: NodeSplit, bucketBytes: Int, order: [Int]
    ) throws -> [Found] {
        let all = try ThreadCollectives.run(rankCount: ranks) { collectives in
            let reducer = try GradientReducer.make(
                sum: sum, shapes: shapes, globalBatch: studies, engine: try Engine(threads: 1),
                collectives: collectives, nodes: nodes, bucketByteCount: bucketBytes
            ) { Issue.record("\($0)") }
            return try (1...2).map { round in
                try reducer.begin()
                for study in stride(from: collectives.rank, to: studies, by: ranks) { add(study, round, to: reducer) }
                for slot in order {
                    try reducer.advance(.completed(slot: slot))
                    try reducer.advance(.operationEnded)
                }
                let norm = try reducer.finish()
                return Found(gradient: reducer.ledger.floats.map(\.bitPattern), norm: norm.bitPattern)
            }
        }
        for rank in all { #expect(rank == all[0]) }
        return all[0]
    }

    private static func add(_ study: Int, _ round: Int, to reducer: GradientReducer) {
        guard let sums = reducer.ledger.fixedPoint else {
            reducer.ledger.add(Float(units(study, 0, round)) * 0x1p-44, to: scalar(shapes.count - 1))
            return
        }
        for index in sums.indices { sums[index] &+= units(study, index, round) }
    }

    nonisolated(unsafe) private static let memory = Region(byteCount: MemoryLayout<Float>.stride)

    /// A parameter of one number in a slot.
    private static func scalar(_ slot: Int) -> Trainable {
        Trainable(name: "scale", value: memory.matrix(1, 1), packed: nil, slot: slot)
    }

    @Test(arguments: [1, 2, 3, 5]) func ranksNodesAndBucketsLeaveTheBits(ranks: Int) throws {
        let slots = Array(Self.shapes.indices)
        let one = try Self.reduce(.orderFree, ranks: 1, nodes: .byMemory, bucketBytes: 4 << 20, order: [])
        let count = Self.shapes.reduce(0) { $0 + $1.rows * $1.columns }
        for round in 1...2 {
            let expected = (0..<count).map { index in
                Float(Double((0..<Self.studies).reduce(Int64(0)) { $0 + Self.units($1, index, round) }) * 0x1p-44)
            }
            #expect(one[round - 1].gradient == expected.map(\.bitPattern))
            let norm = expected.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            #expect(abs(Double(bitPattern: one[round - 1].norm) - norm) <= 1e-12 * norm)
        }
        #expect(one[0] != one[1])
        for nodes in [NodeSplit.byMemory, .alone, .every(2)] {
            for (bytes, order) in [(1, slots), (1, slots.reversed()), (150_000, slots.reversed()), (4 << 20, [])] {
                let found = try Self.reduce(
                    .orderFree, ranks: ranks, nodes: nodes, bucketBytes: bytes, order: Array(order))
                #expect(found == one, "\(ranks) ranks, nodes \(nodes), buckets of \(bytes) bytes")
            }
        }
    }

    /// Floating sums have the same bits on every rank, and are the sums.
    @Test(arguments: [1, 2, 3, 5]) func floatingSumsAreAlikeOnAllRanks(ranks: Int) throws {
        for nodes in [NodeSplit.byMemory, .every(2)] {
            let found = try Self.reduce(.floating, ranks: ranks, nodes: nodes, bucketBytes: 1, order: [])
            for round in 1...2 {
                let exact = (0..<Self.studies).reduce(0.0) { $0 + Double(Self.units($1, 0, round)) * 0x1p-44 }
                let scale = Double(Float(bitPattern: try #require(found[round - 1].gradient.last)))
                #expect(abs(scale - exact) <= 1e-6 * 7)
                #expect(abs(Double(bitPattern: found[round - 1].norm) - abs(scale)) <= 1e-6 * 7)
            }
        }
    }

    /// A round from which all ranks turned back before anything was announced leaves nothing to the next.
    @Test(arguments: [1, 2, 3]) func aRoundMayBeGivenUp(ranks: Int) throws {
        for nodes in [NodeSplit.byMemory, .every(2)] {
            let found = try ThreadCollectives.run(rankCount: ranks) { collectives in
                let reducer = try GradientReducer.make(
                    sum: .orderFree, shapes: Self.shapes, globalBatch: Self.studies, engine: try Engine(threads: 1),
                    collectives: collectives, nodes: nodes, bucketByteCount: 1
                ) { Issue.record("\($0)") }
                func sums(studies: Int) throws -> [UInt32] {
                    for _ in 0..<studies { reducer.ledger.add(1, to: Self.scalar(4)) }
                    _ = try reducer.finish()
                    return reducer.ledger.floats.map(\.bitPattern)
                }
                try reducer.begin()
                let first = try sums(studies: 3)
                try reducer.begin()
                reducer.ledger.add(.infinity, to: Self.scalar(4))
                #expect(reducer.ledger.firstNotFinite == 4)
                try reducer.begin()
                #expect(reducer.ledger.firstNotFinite == nil)
                return [first, try sums(studies: 3)]
            }
            for rank in found { #expect(rank[0] == rank[1] && rank[0].last == Float(3 * ranks).bitPattern) }
        }
    }

    /// One rank has the whole gradient of a logit scale, which need not leave room for others.
    @Test func aScalarMayBeLargerThanAPartial() throws {
        let largest = try ThreadCollectives.run(rankCount: 2) { collectives in
            let reducer = try GradientReducer.make(
                sum: .orderFree, shapes: [(1, 1)], globalBatch: 4096, engine: try Engine(threads: 1),
                collectives: collectives
            ) { Issue.record("\($0)") }
            try reducer.begin()
            if collectives.rank == 1 { reducer.ledger.add(2 * reducer.ledger.largestPartial, to: Self.scalar(0)) }
            #expect(reducer.ledger.isFinite)
            #expect(try reducer.finish() == Double(2 * reducer.ledger.largestPartial))
            return reducer.ledger.floats[0] / reducer.ledger.largestPartial
        }
        #expect(largest == [2, 2])
    }
}
