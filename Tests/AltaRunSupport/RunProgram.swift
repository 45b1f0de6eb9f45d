import AltaComm
import AltaCore
import AltaTrain
import Foundation

/// What test programs have in common that are one rank of a training run over MPI.
public enum RunProgram {
    /// Joins the job, does the rank's part, and leaves.
    ///
    /// A failure that all ranks know of is told by one of them, and all leave in good order; any other is told, and this
    /// process ends without leaving.
    /// - Returns: the exit code of the process, as `alta-worker`'s would be.
    public static func main(_ body: (MPICollectives) throws -> Void) -> Int32 {
        do {
            let collectives = try MPICollectives.start()
            var code = ExitCode.done
            do { try body(collectives) } catch let failure as AgreedFailure {
                if failure.reportingRank == collectives.rank { complain("error: \(failure.error)") }
                code = failure.error.exitCode
            }
            try collectives.finalize()
            return code.rawValue
        } catch {
            complain("error: \(error)")
            return ExitCode.failed.rawValue
        }
    }

    /// A line on standard error.
    public static func complain(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
}
