import AltaCore
import COpenMPI

extension MPI {
    /// The ranks of one color as a communicator of their own, in the order of their ranks; errors are returned on it too.
    static func split(_ place: Place, color: Int) throws -> Place {
        guard let color = Int32(exactly: color), color >= 0 else {
            throw AltaError("a group's color is \(color)", why: "MPI takes 0 to \(Int32.max)", rank: place.rank)
        }
        var communicator = alta_mpi_comm_null()
        let code = MPI_Comm_split(place.communicator, color, Int32(place.rank), &communicator.handle)
        try check(code, "MPI_Comm_split", rank: place.rank)
        return try entered(communicator, place)
    }

    /// The ranks that can share memory with this one.
    static func splitByMemory(_ place: Place) throws -> Place {
        var communicator = alta_mpi_comm_null()
        let code = MPI_Comm_split_type(
            place.communicator, alta_mpi_comm_type_shared(), Int32(place.rank), alta_mpi_info_null().handle,
            &communicator.handle)
        try check(code, "MPI_Comm_split_type", rank: place.rank)
        return try entered(communicator, place)
    }

    private static func entered(_ made: AltaMPICommunicator, _ place: Place) throws -> Place {
        guard made.handle != alta_mpi_comm_null().handle else {
            throw AltaError("MPI made no communicator", rank: place.rank)
        }
        let communicator: MPI_Comm = made.handle
        try returnErrors(on: communicator)
        return Place(communicator: communicator, rank: try rank(in: communicator))
    }

    // MARK: Windows of shared memory

    /// Reserves this rank's part of a window that all ranks of the communicator map. Each part begins on a page of its own.
    static func allocateShared(byteCount: Int, _ place: Place) throws -> AltaMPIWindow {
        var info = alta_mpi_info_null()
        try check(MPI_Info_create(&info.handle), "MPI_Info_create", rank: place.rank)
        defer { _ = MPI_Info_free(&info.handle) }
        try check(MPI_Info_set(info.handle, "alloc_shared_noncontig", "true"), "MPI_Info_set", rank: place.rank)
        var window = alta_mpi_window_null()
        var base: UnsafeMutableRawPointer?
        let code = withUnsafeMutablePointer(to: &base) {
            MPI_Win_allocate_shared(byteCount, 1, info.handle, place.communicator, $0, &window.handle)
        }
        try check(code, "MPI_Win_allocate_shared of \(byteCount) bytes", rank: place.rank)
        guard window.handle != alta_mpi_window_null().handle else {
            throw AltaError("MPI made no window", rank: place.rank)
        }
        try check(
            MPI_Win_set_errhandler(window.handle, alta_mpi_errors_return()), "MPI_Win_set_errhandler", rank: place.rank)
        // Loads and stores need an epoch; the order between ranks is made by the counters of `SharedMemory`.
        try check(MPI_Win_lock_all(alta_mpi_mode_nocheck(), window.handle), "MPI_Win_lock_all", rank: place.rank)
        return window
    }

    /// Where a rank's part is mapped in this process.
    static func sharedPart(
        of window: AltaMPIWindow, rank: Int, _ place: Place
    ) throws -> UnsafeMutableRawBufferPointer {
        var size: MPI_Aint = 0
        var unit: Int32 = 0
        var base: UnsafeMutableRawPointer?
        let code = withUnsafeMutablePointer(to: &base) {
            MPI_Win_shared_query(window.handle, Int32(rank), &size, &unit, $0)
        }
        try check(code, "MPI_Win_shared_query", rank: place.rank)
        return UnsafeMutableRawBufferPointer(start: base, count: size)
    }

    static func freeWindow(_ window: AltaMPIWindow, rank: Int) throws {
        try check(MPI_Win_unlock_all(window.handle), "MPI_Win_unlock_all", rank: rank)
        var window = window
        try check(MPI_Win_free(&window.handle), "MPI_Win_free", rank: rank)
    }

    // MARK: Collectives that go on in the background

    static func startAllReduceInPlace(
        _ buffer: UnsafeMutableRawPointer, count: Int, _ type: CollectiveElementType, _ operation: ReduceOperation,
        _ place: Place
    ) throws -> AltaMPIRequest {
        var request = alta_mpi_request_null()
        let code = MPI_Iallreduce(
            alta_mpi_in_place(), buffer, try int(count, place), type.handle, operation.handle, place.communicator,
            &request.handle)
        try check(code, "MPI_Iallreduce", count: count, rank: place.rank)
        return request
    }

    /// Lets MPI work, and tells whether the request is done; a request that is done becomes the null request.
    static func test(_ request: inout AltaMPIRequest, rank: Int) throws -> Bool {
        var flag: Int32 = 0
        try check(MPI_Test(&request.handle, &flag, alta_mpi_status_ignore()), "MPI_Test", rank: rank)
        return flag != 0
    }

    /// Lets MPI work on whatever is under way.
    static func progress(_ place: Place) throws {
        var flag: Int32 = 0
        let code = MPI_Iprobe(
            alta_mpi_any_source(), alta_mpi_any_tag(), place.communicator, &flag, alta_mpi_status_ignore())
        try check(code, "MPI_Iprobe", rank: place.rank)
    }

    static func wait(_ request: inout AltaMPIRequest, rank: Int) throws {
        try check(MPI_Wait(&request.handle, alta_mpi_status_ignore()), "MPI_Wait", rank: rank)
    }
}
