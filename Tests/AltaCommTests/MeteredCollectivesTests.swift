import AltaComm
import Testing

/// What each collective counts, against the definition by hand; the results are those of the transport.
@Suite struct MeteredCollectivesTests {
    /// The bytes on the meter after each collective at `rankCount` ranks, a list for each rank.
    private static func counted(rankCount: Int) throws -> [[Int]] {
        try ThreadCollectives.run(rankCount: rankCount) { base in
            let meter = ByteMeter()
            let collectives: any Collectives = MeteredCollectives(base, meter: meter)
            let counts = (1...rankCount).map { $0 * 2 }
            var bytes: [Int] = []
            func measure(_ body: () throws -> Void) throws {
                meter.reset()
                try body()
                bytes.append(meter.bytesSent)
            }
            try measure {
                let sum = try collectives.allReduce([1.5, 2.5] as [Float], .sum)
                #expect(sum[0] == 1.5 * Float(rankCount))
            }
            try measure {
                let mine = [Int64](repeating: Int64(base.rank), count: counts[base.rank])
                let all = try collectives.allGather(mine, counts: counts)
                #expect(all.count == counts.reduce(0, +))
            }
            try measure {
                let all = [Double](repeating: 1, count: counts.reduce(0, +))
                let own = try collectives.reduceScatter(all, counts: counts)
                #expect(own == Array(repeating: Double(rankCount), count: counts[base.rank]))
            }
            try measure {
                var byte: [UInt8] = [UInt8(base.rank), 1, 2]
                try byte.withUnsafeMutableBufferPointer { try collectives.broadcast($0, from: rankCount - 1) }
                #expect(byte[0] == UInt8(rankCount - 1))
            }
            try measure { try collectives.barrier() }
            return bytes
        }
    }

    @Test func countsWhatEachRankHandsOver() throws {
        // All-reduce of 2 floats; 2, 4, 6 int64; of 12 doubles those of the other slices; 3 bytes from the last rank.
        #expect(try Self.counted(rankCount: 3) == [[8, 16, 80, 0, 0], [8, 32, 64, 0, 0], [8, 48, 48, 3, 0]])
    }

    @Test func oneRankSendsNothing() throws {
        #expect(try Self.counted(rankCount: 1) == [[0, 0, 0, 0, 0]])
    }
}
