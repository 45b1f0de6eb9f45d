import AltaCore
import COpenMPI

/// Collectives over MPI: one process per rank, started by mpirun; without mpirun, a job of one rank on the same path.
///
/// `start()` once per process, `finalize()` at the end of a job that went well, `abort(exitCode:)` otherwise.
public final class MPICollectives: Collectives {
    /// How messages are cut. Part of what defines the bits of floating-point sums, so the same on every rank.
    public struct Limits: Sendable {
        /// The largest number of elements in one call: MPI counts in C ints.
        public var elementCount = Int(Int32.max)
        /// The bytes that one call of a reduction takes. One call for a whole model's gradient is the slowest way
        /// (146 MB at two ranks: 57 ms, in 4 MiB 23 ms): MPI allocates, and the kernel clears, a temporary buffer as
        /// large as the message each time.
        public var reduceByteCount = 4 << 20

        /// What to use unless a test wants to see the cuts.
        public init() {}

        /// The number of elements of the given size that one call of a reduction takes.
        func reduceElementCount(stride: Int) -> Int {
            max(1, min(elementCount, reduceByteCount / stride))
        }
    }

    /// This rank, from 0.
    public let rank: Int
    /// The number of ranks.
    public let rankCount: Int
    /// The name MPI knows this machine by.
    public let hostName: String

    let place: MPI.Place
    let limits: Limits
    /// Stands in for the address of an empty buffer: MPI implementations may follow a null pointer even then.
    let emptyBuffer: UnsafeMutableRawPointer

    /// The ranks of a communicator: those of the job, or of a group of them.
    init(place: MPI.Place, rankCount: Int, hostName: String, limits: Limits) {
        self.place = place
        self.rank = place.rank
        self.rankCount = rankCount
        self.hostName = hostName
        self.limits = limits
        emptyBuffer = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
    }

    deinit { emptyBuffer.deallocate() }

    /// Starts MPI and joins the job. Collective; once per process, on any thread.
    ///
    /// Asks that any thread may call (a watchdog must be able to abort), and is content where one at a time may.
    ///
    /// - Throws: `AltaError` when MPI was started before, fails, or allows calls from the main thread only.
    public static func start(limits: Limits = Limits()) throws -> MPICollectives {
        guard try !MPI.isInitialized() else {
            throw AltaError("MPI was started twice", remedy: "pass the object of the first start on")
        }
        let threadLevel = try MPI.initialize(threadLevel: alta_mpi_thread_multiple())
        let world: MPI_Comm = alta_mpi_comm_world()
        try MPI.returnErrors(on: world)
        let rank = try MPI.rank(in: world)
        guard threadLevel >= alta_mpi_thread_serialized() else {
            throw AltaError(
                "this MPI lets only the main thread communicate", why: "it grants thread level \(threadLevel)",
                remedy: "use a build of MPI with MPI_THREAD_SERIALIZED or better", rank: rank)
        }
        return MPICollectives(
            place: MPI.Place(communicator: world, rank: rank), rankCount: try MPI.rankCount(of: world),
            hostName: try MPI.processorName(), limits: limits)
    }

    /// Leaves the job and ends MPI. Collective; nothing else may be called afterwards.
    ///
    /// Waits for every rank first: the ranks that stay would wait for ever for one that has gone.
    public func finalize() throws {
        try barrier()
        try MPI.finalize(rank: rank)
    }

    /// Ends every rank of the job, this process too; mpirun exits with the code (modulo 256). Not collective.
    public func abort(exitCode: Int32) {
        MPI.abort(exitCode)
    }

    /// Whether MPI has started in this process. Any thread.
    static var isUnderWay: Bool { (try? MPI.isInitialized()) == true }

    /// Ends every rank of the job, and this process with it, where MPI has started. Any thread.
    static func abortJob(exitCode: Int32) { MPI.abort(exitCode) }
}
