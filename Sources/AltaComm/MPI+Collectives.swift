import AltaCore
import COpenMPI

extension CollectiveElementType {
    /// MPI's handle of the type.
    var handle: MPI_Datatype {
        switch self {
        case .float: alta_mpi_float()
        case .double: alta_mpi_double()
        case .int32: alta_mpi_int32()
        case .int64: alta_mpi_int64()
        case .uint8: alta_mpi_uint8()
        case .uint64: alta_mpi_uint64()
        }
    }
}

extension ReduceOperation {
    /// MPI's handle of the operation.
    var handle: MPI_Op {
        switch self {
        case .sum: alta_mpi_sum()
        case .maximum: alta_mpi_max()
        case .minimum: alta_mpi_min()
        }
    }
}

extension MPI {
    /// A communicator and this process's rank in it, for messages.
    struct Place {
        let communicator: MPI_Comm
        let rank: Int
    }

    static func barrier(_ place: Place) throws {
        try check(MPI_Barrier(place.communicator), "MPI_Barrier", rank: place.rank)
    }

    static func broadcast(
        _ buffer: UnsafeMutableRawPointer, count: Int, _ type: CollectiveElementType, root: Int, _ place: Place
    ) throws {
        let code = MPI_Bcast(
            buffer, try int(count, place), type.handle, try int(root, place), place.communicator)
        try check(code, "MPI_Bcast", count: count, rank: place.rank)
    }

    static func allReduceInPlace(
        _ buffer: UnsafeMutableRawPointer, count: Int, _ type: CollectiveElementType, _ operation: ReduceOperation,
        _ place: Place
    ) throws {
        let code = MPI_Allreduce(
            alta_mpi_in_place(), buffer, try int(count, place), type.handle, operation.handle, place.communicator)
        try check(code, "MPI_Allreduce", count: count, rank: place.rank)
    }

    /// Sums into `result`, which only the root's call reads.
    static func reduceSum(
        _ operand: UnsafeRawPointer, into result: UnsafeMutableRawPointer, count: Int, _ type: CollectiveElementType,
        root: Int, _ place: Place
    ) throws {
        let code = MPI_Reduce(
            operand, result, try int(count, place), type.handle, alta_mpi_sum(), try int(root, place),
            place.communicator)
        try check(code, "MPI_Reduce", count: count, rank: place.rank)
    }

    static func allGather(
        _ mine: UnsafeRawPointer, counts: [Int], into all: UnsafeMutableRawPointer, _ type: CollectiveElementType,
        _ place: Place
    ) throws {
        let lengths = try counts.map { try int($0, place) }
        let starts = try CollectiveCounts.starts(of: counts).map { try int($0, place) }
        let code = MPI_Allgatherv(
            mine, lengths[place.rank], type.handle, all, lengths, starts, type.handle, place.communicator)
        try check(code, "MPI_Allgatherv", count: counts.reduce(0, +), rank: place.rank)
    }

    static func reduceScatterSum(
        _ all: UnsafeRawPointer, counts: [Int], into mine: UnsafeMutableRawPointer, _ type: CollectiveElementType,
        _ place: Place
    ) throws {
        let lengths = try counts.map { try int($0, place) }
        let code = MPI_Reduce_scatter(all, mine, lengths, type.handle, alta_mpi_sum(), place.communicator)
        try check(code, "MPI_Reduce_scatter", count: counts.reduce(0, +), rank: place.rank)
    }

    /// The number as a C int. A truncated count would move other elements than asked for and report success.
    static func int(_ value: Int, _ place: Place) throws -> Int32 {
        guard let exact = Int32(exactly: value) else {
            throw AltaError("a count of \(value) does not fit MPI's int", rank: place.rank)
        }
        return exact
    }
}
