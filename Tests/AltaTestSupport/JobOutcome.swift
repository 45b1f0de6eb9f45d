/// How a job ended.
public struct JobOutcome: Sendable {
    /// The exit code of mpirun, of the launcher or of the program itself; the signal's number where one ended it.
    public let exitCode: Int32
    /// Standard output.
    public let output: String
    /// Standard error.
    public let errors: String
    /// How long its end was waited for: from start to end where nothing else was waited for before.
    public let seconds: Double
    /// Processes of the job that were left behind.
    public let remaining: Int

    /// The lines on standard error that begin with `error: `.
    public var errorLines: [String] {
        errors.split(whereSeparator: \.isNewline).map(String.init).filter { $0.hasPrefix("error: ") }
    }
}
