import AltaCore
import COpenMPI

extension MPICollectives {
    /// The ranks that name the same color, in the order of their ranks. Collective.
    public func split(color: Int) throws -> any Collectives {
        try group(MPI.split(place, color: color))
    }

    /// The ranks that can share memory with this one. Collective.
    public func splitByMemory() throws -> any Collectives {
        try group(MPI.splitByMemory(place))
    }

    private func group(_ place: MPI.Place) throws -> MPICollectives {
        MPICollectives(
            place: place, rankCount: try MPI.rankCount(of: place.communicator), hostName: hostName, limits: limits)
    }

    /// Memory that every rank of this group maps; the ranks may ask for different sizes. Collective.
    ///
    /// Where the folder of shared memory is too small, every rank throws alike, and nothing stays reserved. MPI is not
    /// asked then: it would print a page of advice, and may leave some of the ranks waiting. Where MPI fails for some ranks,
    /// all throw alike too.
    public func shareMemory(byteCount: Int) throws -> SharedMemory {
        let reserved = SharedMemory.reservedByteCount(byteCount)
        let space = SharedMemorySpace.current()
        // A lone rank's window is private memory.
        let total = rankCount > 1 ? try allReduce(Int64(reserved), .sum) : 0
        let obstacle = rank == 0 ? space.obstacle(byteCount: Int(total)) : nil
        let why = try broadcast(obstacle?.why ?? "", from: 0)
        guard why.isEmpty else { throw space.tooSmall(byteCount: Int(total), why: why).at(rank: rank) }

        let (window, parts) = try allocate(reserved)
        if rankCount == 1 { SharedMemorySpace.preferHugePages(parts[rank]) }
        let isTaken = rankCount == 1 || space.takePages(of: parts[rank])
        guard try allReduce(Int32(isTaken ? 1 : 0), .minimum) == 1 else {
            try window.free()
            throw space.tooSmall(byteCount: Int(total), why: "the system refused pages").at(rank: rank)
        }
        parts[rank].initializeMemory(as: UInt8.self, repeating: 0)
        try barrier()
        return SharedMemory(rank: rank, mapped: parts, backing: window)
    }

    /// A window of `reserved` bytes for this rank, and where each rank's part is mapped. Collective.
    private func allocate(_ reserved: Int) throws -> (MPIWindow, [UnsafeMutableRawBufferPointer]) {
        let window = Result { MPIWindow(try MPI.allocateShared(byteCount: reserved, place), rank: rank) }
        let parts = Result {
            let handle = try window.get().handle
            return try (0..<rankCount).map { try MPI.sharedPart(of: handle, rank: $0, place) }
        }
        let failure = try firstFailure(parts)
        if let failure {
            // Giving back is collective: where a rank has no window, those of the others stay until the end.
            let hasWindow = (try? window.get()) != nil
            if try allReduce(Int32(hasWindow ? 1 : 0), .minimum) == 1 { try window.get().free() }
            throw failure
        }
        return (try window.get(), try parts.get())
    }

    /// Begins to combine the buffers of all ranks in place. Collective; the buffer is the reduction's until it is done.
    public func startAllReduce<E: CollectiveElement>(
        _ buffer: UnsafeMutableBufferPointer<E>, _ operation: ReduceOperation
    ) throws -> any StartedReduction {
        let started = MPIStartedReduction(rank: rank)
        guard let base = buffer.baseAddress else { return started }
        for piece in CollectiveCounts.pieces(of: buffer.count, largest: limits.elementCount) {
            started.requests.append(
                try MPI.startAllReduceInPlace(
                    base + piece.lowerBound, count: piece.count, E.elementType, operation, place))
        }
        return started
    }

    /// Lets MPI work, since other ranks may need what this one has yet to send. Not collective.
    ///
    /// Whether the core is given up meanwhile is decided where MPI's own waiting is: by `mpi_yield_when_idle`.
    public func pause() throws { try MPI.progress(place) }

    /// Waits for what other ranks write into shared memory. Every rank of the group calls it at the same place.
    public func waitInMemory(until isDone: () throws -> Bool) throws { try pause(until: isDone) }
}

/// A window of shared memory, with the epoch in which ranks load and store.
private final class MPIWindow: SharedMemoryBacking {
    let handle: AltaMPIWindow
    private let rank: Int

    init(_ handle: AltaMPIWindow, rank: Int) {
        self.handle = handle
        self.rank = rank
    }

    func free() throws { try MPI.freeWindow(handle, rank: rank) }
}

/// The requests of one reduction; those that are done are null.
private final class MPIStartedReduction: StartedReduction {
    fileprivate var requests: [AltaMPIRequest] = []
    private let rank: Int

    init(rank: Int) { self.rank = rank }

    func isDone() throws -> Bool {
        try requests.indices.allSatisfy { try MPI.test(&requests[$0], rank: rank) }
    }

    func wait() throws {
        for index in requests.indices { try MPI.wait(&requests[index], rank: rank) }
    }
}
