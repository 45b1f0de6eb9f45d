import AltaComm

extension CollectiveChecks {
    /// Every collective for one element type.
    mutating func checkElements<E: CheckedElement>(_ type: E.Type) throws {
        for count in [0, 1, 10, 1003] {
            try checkAllReduce(type, count: count)
            try checkBroadcast(type, count: count)
        }
        for counts in countPatterns {
            try checkAllGather(type, counts)
            try checkReduceScatter(type, counts)
        }
    }

    private mutating func checkAllReduce<E: CheckedElement>(_ type: E.Type, count: Int) throws {
        for operation in ReduceOperation.allCases {
            let expected: [E] = (0..<count).map { reduced(operation, at: $0) }
            let found = try collectives.allReduce(Self.values(rank, count: count) as [E], operation)
            expect(found, expected, "all-reduce (\(operation)) of \(count) \(type)")
        }
    }

    /// Element `index` of the ranks' `values`, combined.
    private func reduced<E: CheckedElement>(_ operation: ReduceOperation, at index: Int) -> E {
        let elements = (0..<rankCount).map { Self.value($0, index) as E }
        return switch operation {
        case .sum: elements.dropFirst().reduce(elements[0], E.collectiveSum)
        case .maximum: elements.max() ?? E(0)
        case .minimum: elements.min() ?? E(0)
        }
    }

    private mutating func checkBroadcast<E: CheckedElement>(_ type: E.Type, count: Int) throws {
        for root in 0..<rankCount {
            var values: [E] = Self.values(rank, count: count)
            try values.withUnsafeMutableBufferPointer { try collectives.broadcast($0, from: root) }
            expect(values, Self.values(root, count: count), "broadcast of \(count) \(type) from \(root)")
        }
    }

    private mutating func checkAllGather<E: CheckedElement>(_ type: E.Type, _ counts: [Int]) throws {
        let found = try collectives.allGather(Self.values(rank, count: counts[rank]) as [E], counts: counts)
        let expected: [E] = counts.indices.flatMap { Self.values($0, count: counts[$0]) as [E] }
        expect(found, expected, "all-gather of \(counts) \(type)")
    }

    private mutating func checkReduceScatter<E: CheckedElement>(_ type: E.Type, _ counts: [Int]) throws {
        let total = counts.reduce(0, +)
        let start = counts[..<rank].reduce(0, +)
        let found = try collectives.reduceScatter(Self.values(rank, count: total) as [E], counts: counts)
        let expected: [E] = (start..<start + counts[rank]).map { reduced(.sum, at: $0) }
        expect(found, expected, "reduce-scatter of \(counts) \(type)")
    }
}
