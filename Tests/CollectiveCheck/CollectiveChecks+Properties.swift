import AltaComm
import Foundation

extension CollectiveChecks {
    /// Sums that round: near the exact one, and the same bits on every rank.
    mutating func checkRounding() throws {
        let count = 5000
        let parts = (0..<rankCount).map { rank in
            (0..<count).map { Float(sin(Double($0 * rankCount + rank))) * exp2(Float($0 % 20)) }
        }
        let found = try collectives.allReduce(parts[rank], .sum)
        let bits = try collectives.allGather(found.flatMap { [Int64($0.bitPattern)] })
        expect(bits, Array(repeating: bits[rank], count: rankCount), "bits of a rounded sum over the ranks")

        // Each of the R - 1 additions rounds to half a unit in the last place of a partial sum at most.
        let unit = Double(Float.ulpOfOne) / 2
        var largestExcess = 0.0
        for index in 0..<count {
            let exact = parts.reduce(0.0) { $0 + Double($1[index]) }
            let magnitude = parts.reduce(0.0) { $0 + abs(Double($1[index])) }
            let allowed = Double(rankCount - 1) * unit * magnitude
            largestExcess = max(largestExcess, abs(Double(found[index]) - exact) - allowed * (1 + unit * 4))
        }
        expect(largestExcess <= 0, true, "rounded sum, beyond its bound by \(largestExcess)")
    }

    /// Integer sums wrap around.
    mutating func checkOverflow() throws {
        let found = try collectives.allReduce(Int64.max, .sum)
        let expected = (1..<rankCount).reduce(Int64.max) { sum, _ in sum &+ Int64.max }
        expect(found, expected, "sum of the largest Int64")
    }

    /// The conveniences: lengths that only their rank knows, texts, single numbers.
    mutating func checkArrays() throws {
        let gathered = try collectives.allGather(Self.values(rank, count: rank * 3) as [UInt8])
        expect(gathered, (0..<rankCount).map { Self.values($0, count: $0 * 3) }, "all-gather of unequal arrays")

        let texts = try collectives.allGather(text(of: rank))
        expect(texts, (0..<rankCount).map { text(of: $0) }, "all-gather of texts")
        expect(try collectives.allGather(Int32(rank * rank)), (0..<rankCount).map { Int32($0 * $0) }, "one each")

        for root in 0..<rankCount {
            let bytes = try collectives.broadcast(Self.values(rank, count: rank * 7) as [UInt8], from: root)
            expect(bytes, Self.values(root, count: root * 7), "broadcast of bytes from \(root)")
            expect(try collectives.broadcast(text(of: rank), from: root), text(of: root), "broadcast of a text")
        }
        let hosts = try collectives.allGather(collectives.hostName)
        expect(hosts.contains(""), false, "an empty host name")
    }

    /// Unequal lengths, more bytes than characters, empty on rank 2.
    private func text(of rank: Int) -> String {
        rank == 2 ? "" : String(repeating: "\u{E9}\u{1F642}", count: rank + 1)
    }

    /// Errors that every rank sees alike, after which the collectives go on.
    mutating func checkWrongArguments() throws {
        let collectives = collectives
        for root in [-1, rankCount] {
            expectError("rank \(root)") { _ = try collectives.broadcast([1] as [Int32], from: root) }
        }
        expectError("counts") { _ = try collectives.allGather([1] as [Int32], counts: []) }
        let negative = (0..<rankCount).map { $0 == 0 ? -1 : 1 }
        expectError("counts") { _ = try collectives.reduceScatter([1] as [Float], counts: negative) }
        let twos = Array(repeating: 2, count: rankCount)
        expectError("slice of 1") { _ = try collectives.allGather([1] as [Int32], counts: twos) }
        expectError("whole of 1") { _ = try collectives.reduceScatter([1] as [Float], counts: twos) }
        expect(try collectives.allReduce(Int64(1), .sum), Int64(rankCount), "all-reduce after errors")
    }

    /// No rank leaves a barrier before the last, which comes late, has entered (ranks of one host share a clock).
    mutating func checkBarrier() throws {
        for late in 0..<rankCount {
            if rank == late { Thread.sleep(forTimeInterval: 0.02) }
            let entered = ProcessInfo.processInfo.systemUptime
            try collectives.barrier()
            let left = ProcessInfo.processInfo.systemUptime
            let lastEntered = try collectives.allReduce(entered, .maximum)
            let firstLeft = try collectives.allReduce(left, .minimum)
            expect(firstLeft >= lastEntered, true, "barrier with rank \(late) late")
        }
    }
}
