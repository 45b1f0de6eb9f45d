import AltaCore

extension Collectives {
    /// The element-wise combination of all ranks' arrays: `[n]` in, `[n]` out, n the same on every rank. Collective.
    public func allReduce<E: CollectiveElement>(_ values: [E], _ operation: ReduceOperation) throws -> [E] {
        var result = values
        try result.withUnsafeMutableBufferPointer { try allReduce($0, operation) }
        return result
    }

    /// The combination of one number of each rank. Collective.
    public func allReduce<E: CollectiveElement>(_ value: E, _ operation: ReduceOperation) throws -> E {
        var result = value
        try withUnsafeMutablePointer(to: &result) {
            try allReduce(UnsafeMutableBufferPointer(start: $0, count: 1), operation)
        }
        return result
    }

    /// One number of each rank: `[R]`. Collective.
    public func allGather<E: CollectiveElement>(_ value: E) throws -> [E] {
        try allGather([value], counts: Array(repeating: 1, count: rankCount))
    }

    /// Every rank's array, whatever its length: `[R][counts[r]]`. Collective; exchanges the lengths first.
    public func allGather<E: CollectiveElement>(_ mine: [E]) throws -> [[E]] {
        let counts = try allGather(Int64(mine.count)).map { Int($0) }
        let all = try allGather(mine, counts: counts)
        var start = 0
        return counts.map { count in
            defer { start += count }
            return Array(all[start..<start + count])
        }
    }

    /// All ranks' elements in the order of the ranks, where every rank knows the counts: `[sum of counts]`. Collective.
    public func allGather<E: CollectiveElement>(_ mine: [E], counts: [Int]) throws -> [E] {
        try checkCounts(counts, "all-gather")
        return try mine.withUnsafeBufferPointer { mine in
            try Array(count: counts.reduce(0, +)) { try allGather(mine, counts: counts, into: $0) }
        }
    }

    /// Every rank's text: `[R]`. Collective.
    public func allGather(_ text: String) throws -> [String] {
        try allGather(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// What the lowest rank that failed by itself says, on every rank; nil where none did. Collective.
    package func firstFailure<T>(_ outcome: Result<T, any Error>) throws -> AltaError? {
        var text = ""
        if case .failure(let error) = outcome { text = "\(error)" }
        return try allGather(text).first { !$0.isEmpty }.map { AltaError($0) }
    }

    /// The root's array on every rank; what other ranks pass does not matter, its length neither. Collective.
    public func broadcast<E: CollectiveElement>(_ values: [E], from root: Int) throws -> [E] {
        var count = Int64(values.count)
        try withUnsafeMutablePointer(to: &count) {
            try broadcast(UnsafeMutableBufferPointer(start: $0, count: 1), from: root)
        }
        guard rank != root else {
            var own = values
            try own.withUnsafeMutableBufferPointer { try broadcast($0, from: root) }
            return own
        }
        return try Array(count: Int(count)) { try broadcast($0, from: root) }
    }

    /// The root's text on every rank. Collective.
    public func broadcast(_ text: String, from root: Int) throws -> String {
        String(decoding: try broadcast(Array(text.utf8), from: root), as: UTF8.self)
    }

    /// This rank's slice of the sum of all ranks' arrays: `[sum of counts]` in, `[counts[rank]]` out. Collective.
    public func reduceScatter<E: CollectiveElement>(_ all: [E], counts: [Int]) throws -> [E] {
        try checkCounts(counts, "reduce-scatter")
        return try all.withUnsafeBufferPointer { all in
            try Array(count: counts[rank]) { try reduceScatter(all, counts: counts, into: $0) }
        }
    }
}

extension Array where Element: CollectiveElement {
    /// An array of `count` elements, all of them written by `fill`.
    ///
    /// An empty one is not left to the standard library, which then writes to a storage that all empty arrays share:
    /// harmless, but the thread sanitizer would report it at every collective.
    fileprivate init(count: Int, _ fill: (UnsafeMutableBufferPointer<Element>) throws -> Void) rethrows {
        guard count > 0 else {
            try fill(UnsafeMutableBufferPointer(start: nil, count: 0))
            self = []
            return
        }
        try self.init(unsafeUninitializedCapacity: count) { buffer, filled in
            try fill(UnsafeMutableBufferPointer(rebasing: buffer.prefix(count)))
            filled = count
        }
    }
}
