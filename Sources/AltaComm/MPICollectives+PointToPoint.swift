import AltaCore
import COpenMPI

extension MPICollectives: PointToPoint {
    /// Begins to send bytes to a rank. Not collective.
    public func startSending(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws -> any StartedMessage {
        try checkRoot(rank, "a message")
        return MPIStartedMessage(
            try MPI.startSending(bytes.baseAddress ?? UnsafeRawPointer(emptyBuffer), bytes.count, to: rank, place),
            rank: self.rank)
    }

    /// Begins to receive bytes from a rank. Not collective.
    public func startReceiving(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) throws -> any StartedMessage {
        try checkRoot(rank, "a message")
        return MPIStartedMessage(
            try MPI.startReceiving(bytes.baseAddress ?? emptyBuffer, bytes.count, from: rank, place), rank: self.rank)
    }
}

extension MPI {
    /// Messages of this module; collectives have a space of their own.
    private static let tag: Int32 = 7

    static func startSending(
        _ bytes: UnsafeRawPointer, _ count: Int, to rank: Int, _ place: Place
    ) throws -> AltaMPIRequest {
        var request = alta_mpi_request_null()
        let code = MPI_Isend(
            bytes, try int(count, place), alta_mpi_uint8(), try int(rank, place), tag, place.communicator,
            &request.handle)
        try check(code, "MPI_Isend", count: count, rank: place.rank)
        return request
    }

    static func startReceiving(
        _ bytes: UnsafeMutableRawPointer, _ count: Int, from rank: Int, _ place: Place
    ) throws -> AltaMPIRequest {
        var request = alta_mpi_request_null()
        let code = MPI_Irecv(
            bytes, try int(count, place), alta_mpi_uint8(), try int(rank, place), tag, place.communicator,
            &request.handle)
        try check(code, "MPI_Irecv", count: count, rank: place.rank)
        return request
    }
}

/// The request of a message; null once it is done.
private final class MPIStartedMessage: StartedMessage {
    private var request: AltaMPIRequest
    private let rank: Int

    init(_ request: AltaMPIRequest, rank: Int) {
        self.request = request
        self.rank = rank
    }

    func isDone() throws -> Bool { try MPI.test(&request, rank: rank) }
}
