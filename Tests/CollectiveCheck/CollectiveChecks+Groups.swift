import AltaComm

extension CollectiveChecks {
    /// Groups number their ranks in the order of the job's and keep to themselves.
    mutating func checkGroups() throws {
        for colors in 1...3 {
            let group = try collectives.split(color: rank % colors)
            let members = (0..<rankCount).filter { $0 % colors == rank % colors }
            expect(group.rankCount, members.count, "ranks of a group of \(colors)")
            expect(try group.allGather(Int32(rank)), members.map(Int32.init), "members of a group of \(colors)")
            let inner = try group.split(color: group.rank == 0 ? 1 : 0)
            expect(inner.rankCount, group.rank == 0 ? 1 : members.count - 1, "ranks of a group within a group")
        }
        let machine = try collectives.splitByMemory()
        expect(machine.rankCount, rankCount, "ranks of one machine")
        expect(machine.rank, rank, "rank on one machine")
    }

    /// Several reductions under way, one of them without elements, and blocking collectives between.
    mutating func checkBackgroundReductions() throws {
        var first: [Int64] = Self.values(rank, count: 1003)
        var second: [Float] = Self.values(rank, count: 10)
        try first.withUnsafeMutableBufferPointer { first in
            try second.withUnsafeMutableBufferPointer { second in
                let started = try collectives.startAllReduce(first, .sum)
                let other = try collectives.startAllReduce(second, .maximum)
                let none = try collectives.startAllReduce(
                    UnsafeMutableBufferPointer<Double>(start: nil, count: 0), .sum)
                expect(try collectives.allReduce(Int64(1), .sum), Int64(rankCount), "all-reduce meanwhile")
                while try !started.isDone() { try collectives.pause() }
                try other.wait()
                try none.wait()
                expect(try started.isDone(), true, "a reduction that was done")
            }
        }
        let all = (0..<rankCount).map { Self.values($0, count: 1003) as [Int64] }
        expect(first, (0..<1003).map { index in all.reduce(0) { $0 + $1[index] } }, "sum in the background")
        let largest = (0..<10).map { index in (0..<rankCount).map { Self.value($0, index) as Float }.max() ?? 0 }
        expect(second, largest, "maximum in the background")
    }

    /// Parts of unequal sizes, zero at first, that every rank sees as they are written.
    mutating func checkSharedMemory() throws {
        let memory = try collectives.splitByMemory().shareMemory(byteCount: size(of: rank))
        expect(memory.parts.indices.allSatisfy { memory.parts[$0].count >= size(of: $0) }, true, "sizes of parts")
        let isZero = memory.parts[rank].prefix(size(of: rank)).allSatisfy { $0 == 0 }
        expect(isZero, true, "a new part that is zero")
        for round in 1...3 {
            for index in 0..<size(of: rank) {
                memory.parts[rank][index] = UInt8(truncatingIfNeeded: rank + index * round)
            }
            memory.publish(round, on: 0)
            while memory.least(on: 0) < round { try collectives.pause() }
            for other in 0..<rankCount {
                let expected = (0..<size(of: other)).map { UInt8(truncatingIfNeeded: other + $0 * round) }
                expect(Array(memory.parts[other].prefix(size(of: other))), expected, "part of rank \(other)")
            }
            // Nobody writes again while another rank still reads.
            memory.publish(round, on: 3)
            while memory.least(on: 3) < round { try collectives.pause() }
        }
        try memory.free()
    }

    private func size(of rank: Int) -> Int { 1000 + 4099 * rank }

    /// Any cut into nodes and buckets gives the sum, twice in a row.
    mutating func checkNodeReductions() throws {
        for split in [NodeSplit.byMemory, .alone, .every(2), .every(3)] {
            for (count, size) in [(1, 8), (1000, 96), (1000, 1000), (70, 7)] {
                try checkNodeReduction(split, count: count, bucket: size)
            }
        }
    }

    private mutating func checkNodeReduction(_ split: NodeSplit, count: Int, bucket: Int) throws {
        let buckets = stride(from: 0, to: count, by: bucket).map { $0..<min($0 + bucket, count) }.reversed()
        var notices: [String] = []
        let reduction = try NodeReduction<Int64>.make(
            collectives, by: split, count: count, buckets: Array(buckets), block: 8, commonByteCount: 100
        ) { notices.append($0) }
        let node = reduction.groups.node
        for round in 1...2 {
            try reduction.begin()
            for index in 0..<count { reduction.own[index] = Int64(round) * Self.value(rank, index) }
            // Ranks announce at different times, as sweeps of unequal length do.
            var mine = Array(repeating: Int64(0), count: count)
            func summed(_ slice: Range<Int>) { for index in slice { mine[index] += 1 } }
            for announced in 0..<buckets.count where announced % (rank + 2) == 0 {
                reduction.announce(announced)
                _ = try reduction.advance(summed)
            }
            try reduction.finish(summed)
            let expected = (0..<count).map { index in
                (0..<rankCount).reduce(Int64(0)) { $0 + Int64(round) * Self.value($1, index) }
            }
            expect(Array(reduction.sum), expected, "sum over nodes \(split) of \(count) in buckets of \(bucket)")
            let owners = try node.allReduce(mine, .sum)
            expect(owners, Array(repeating: 1, count: count), "slices over nodes \(split), each element once")
        }
        expect(notices, [], "notices")
        try reduction.free()
    }
}
