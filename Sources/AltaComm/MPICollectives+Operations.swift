extension MPICollectives {
    /// Returns when every rank has called it. Collective.
    public func barrier() throws {
        try MPI.barrier(place)
    }

    /// Fills every rank's buffer with the root's, in pieces that MPI can count. Collective.
    public func broadcast<E: CollectiveElement>(_ buffer: UnsafeMutableBufferPointer<E>, from root: Int) throws {
        try checkRoot(root, "broadcast")
        for piece in CollectiveCounts.pieces(of: buffer.count, largest: limits.elementCount) {
            try MPI.broadcast(
                address(buffer, from: piece.lowerBound), count: piece.count, E.elementType, root: root, place)
        }
    }

    /// Combines the buffers of all ranks in place, one bucket after the other. Collective.
    public func allReduce<E: CollectiveElement>(
        _ buffer: UnsafeMutableBufferPointer<E>, _ operation: ReduceOperation
    ) throws {
        let largest = limits.reduceElementCount(stride: MemoryLayout<E>.stride)
        for piece in CollectiveCounts.pieces(of: buffer.count, largest: largest) {
            try MPI.allReduceInPlace(
                address(buffer, from: piece.lowerBound), count: piece.count, E.elementType, operation, place)
        }
    }

    /// Concatenates the elements of all ranks on every rank. Collective.
    ///
    /// Where the places of the result exceed what MPI can count, the ranks broadcast their elements in turn.
    public func allGather<E: CollectiveElement>(
        _ mine: UnsafeBufferPointer<E>, counts: [Int], into all: UnsafeMutableBufferPointer<E>
    ) throws {
        try checkCounts(counts, mine: mine.count, all: all.count, "all-gather")
        guard all.count > limits.elementCount else {
            guard !all.isEmpty else { return }
            return try MPI.allGather(
                address(mine, from: 0), counts: counts, into: address(all, from: 0), E.elementType, place)
        }
        for (root, start) in CollectiveCounts.starts(of: counts).enumerated() {
            let slice = UnsafeMutableBufferPointer(rebasing: all[start..<start + counts[root]])
            if root == rank { UnsafeMutableRawBufferPointer(slice).copyMemory(from: UnsafeRawBufferPointer(mine)) }
            try broadcast(slice, from: root)
        }
    }

    /// Adds the buffers of all ranks and gives each rank its slice. Collective.
    ///
    /// Where slices are larger than a bucket, each is reduced to its rank by itself, bucket by bucket: MPI then needs no
    /// temporary buffer as large as the whole (146 MB at two ranks: 40 to 90 ms against 210). Smaller ones go in one
    /// call, whose latency grows less with the number of ranks.
    public func reduceScatter<E: CollectiveElement>(
        _ all: UnsafeBufferPointer<E>, counts: [Int], into mine: UnsafeMutableBufferPointer<E>
    ) throws {
        try checkCounts(counts, mine: mine.count, all: all.count, "reduce-scatter")
        let largest = limits.reduceElementCount(stride: MemoryLayout<E>.stride)
        guard all.count > min(limits.elementCount, largest * rankCount) else {
            guard !all.isEmpty else { return }
            return try MPI.reduceScatterSum(
                address(all, from: 0), counts: counts, into: address(mine, from: 0), E.elementType, place)
        }
        for (root, start) in CollectiveCounts.starts(of: counts).enumerated() {
            for piece in CollectiveCounts.pieces(of: counts[root], largest: largest) {
                let result = root == rank ? address(mine, from: piece.lowerBound) : emptyBuffer
                try MPI.reduceSum(
                    address(all, from: start + piece.lowerBound), into: result, count: piece.count, E.elementType,
                    root: root, place)
            }
        }
    }

    private func address<E>(_ buffer: UnsafeMutableBufferPointer<E>, from index: Int) -> UnsafeMutableRawPointer {
        buffer.baseAddress.map { UnsafeMutableRawPointer($0 + index) } ?? emptyBuffer
    }

    private func address<E>(_ buffer: UnsafeBufferPointer<E>, from index: Int) -> UnsafeRawPointer {
        buffer.baseAddress.map { UnsafeRawPointer($0 + index) } ?? UnsafeRawPointer(emptyBuffer)
    }
}
