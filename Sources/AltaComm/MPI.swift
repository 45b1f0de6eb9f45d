import AltaCore
import COpenMPI

/// The MPI calls of this module, one function each: arguments converted exactly, every return code checked.
///
/// Together with `MPI+Collectives.swift` and `MPICollectives.swift` the only code that sees MPI.
enum MPI {
    /// Throws what a failed call reports: the call, its count, MPI's text, the rank.
    static func check(_ code: Int32, _ call: String, count: Int? = nil, rank: Int? = nil) throws {
        guard code != alta_mpi_success() else { return }
        let subject = count.map { "\(call) of \($0) elements failed" } ?? "\(call) failed"
        throw AltaError(subject, why: errorText(code), rank: rank, exitCode: exitCode(errorClass(code)))
    }

    /// An error that blames no argument (a lost peer comes as such) may pass when the job is started again.
    private static func exitCode(_ errorClass: Int32) -> ExitCode {
        [MPI_ERR_OTHER, MPI_ERR_INTERN, MPI_ERR_UNKNOWN].contains { Int32($0) == errorClass } ? .stoppedEarly : .failed
    }

    private static func errorClass(_ code: Int32) -> Int32 {
        var errorClass: Int32 = code
        _ = MPI_Error_class(code, &errorClass)
        return errorClass
    }

    /// The text of an error code and, where it says something else, of its class, on one line: MPICH's has several.
    static func errorText(_ code: Int32) -> String {
        let text = errorString(code).split(whereSeparator: \.isNewline).joined(separator: " ")
        let classText = errorString(errorClass(code))
        return text.contains(classText) ? text : "\(text) (class \(classText))"
    }

    private static func errorString(_ code: Int32) -> String {
        text(capacity: alta_mpi_max_error_string()) { MPI_Error_string(code, $0, $1) == alta_mpi_success() }
            ?? "MPI error code \(code)"
    }

    /// A text of the length that MPI reports; nil where `fill` fails.
    static func text(
        capacity: Int32, _ fill: (UnsafeMutablePointer<CChar>, UnsafeMutablePointer<Int32>) -> Bool
    ) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(capacity) + 1) { buffer in
            var length: Int32 = 0
            guard let start = buffer.baseAddress, fill(start, &length) else { return nil }
            return String(decoding: buffer.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    // MARK: Life

    static func isInitialized() throws -> Bool {
        var flag: Int32 = 0
        try check(MPI_Initialized(&flag), "MPI_Initialized")
        return flag != 0
    }

    /// Starts MPI and returns the thread level that it grants.
    static func initialize(threadLevel: Int32) throws -> Int32 {
        var provided: Int32 = 0
        try check(MPI_Init_thread(nil, nil, threadLevel, &provided), "MPI_Init_thread")
        return provided
    }

    static func returnErrors(on communicator: MPI_Comm) throws {
        try check(MPI_Comm_set_errhandler(communicator, alta_mpi_errors_return()), "MPI_Comm_set_errhandler")
    }

    static func finalize(rank: Int) throws {
        try check(MPI_Finalize(), "MPI_Finalize", rank: rank)
    }

    static func abort(_ exitCode: Int32) {
        _ = MPI_Abort(alta_mpi_comm_world(), exitCode)
    }

    // MARK: Places

    static func rank(in communicator: MPI_Comm) throws -> Int {
        var rank: Int32 = 0
        try check(MPI_Comm_rank(communicator, &rank), "MPI_Comm_rank")
        return Int(rank)
    }

    static func rankCount(of communicator: MPI_Comm) throws -> Int {
        var count: Int32 = 0
        try check(MPI_Comm_size(communicator, &count), "MPI_Comm_size")
        return Int(count)
    }

    static func processorName() throws -> String {
        let name = text(capacity: alta_mpi_max_processor_name()) {
            MPI_Get_processor_name($0, $1) == alta_mpi_success()
        }
        guard let name else { throw AltaError("MPI_Get_processor_name failed") }
        return name
    }

    /// What the library calls itself, its first line; may be asked for at any time.
    static func libraryVersion() -> String? {
        let name = text(capacity: alta_mpi_max_library_version()) {
            MPI_Get_library_version($0, $1) == alta_mpi_success()
        }
        return name?.split { $0.isNewline || $0 == "\0" }.first.map(String.init)
    }
}
