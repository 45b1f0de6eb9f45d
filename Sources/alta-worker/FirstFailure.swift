import AltaCore

/// The failure that came first among the ranks of this process: it alone is told, and decides the exit code. What fails
/// after it in other threads fails because of it, as what mpirun ends after a rank has aborted.
final class FirstFailure: Sendable {
    private let known = Locked<ExitCode?>(nil)

    /// The exit code of the first failure; nil: there was none.
    var exitCode: ExitCode? { known.withLock { $0 } }

    /// Whether no failure came before this one.
    func claim(_ code: ExitCode) -> Bool {
        known.withLock { known in
            guard known == nil else { return false }
            known = code
            return true
        }
    }
}
