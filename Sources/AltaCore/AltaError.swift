/// How a process of the system ends (INTERFACE contract; `mpirun` hands it on).
public enum ExitCode: Int32, Sendable, Codable {
    /// Done.
    case done = 0
    /// Failed, and the same will happen again: bad input, bad configuration.
    case failed = 1
    /// Wrong usage of a command.
    case usage = 2
    /// Stopped early, can be resumed: preemption, a lost rank or host.
    case stoppedEarly = 75
}

/// A fault of the world (a file, a configuration, MPI), told so that a person can act on it.
///
/// Programmer faults trap instead. Where a fact is unknown at the throwing place (the row, the rank), a caller that
/// knows it adds it with `at(file:row:rank:)`; what is already there is kept.
public struct AltaError: Error, Sendable, Codable, Equatable, CustomStringConvertible {
    /// What failed, in plain words, without a final period.
    public var what: String
    /// Why it failed, where known.
    public var why: String?
    /// What the user can do about it.
    public var remedy: String?
    /// The file it is about.
    public var file: String?
    /// The row of the file, counted from 1; the header of a table is row 1.
    public var row: Int?
    /// The rank that found it.
    public var rank: Int?
    /// How the process should end because of it.
    public var exitCode: ExitCode
    /// The `errno` of the system's call that failed; nil: none did.
    public var systemCode: Int32?

    /// Stores the facts of a fault.
    public init(
        _ what: String, why: String? = nil, remedy: String? = nil, file: String? = nil, row: Int? = nil,
        rank: Int? = nil, exitCode: ExitCode = .failed
    ) {
        self.what = what
        self.why = why
        self.remedy = remedy
        self.file = file
        self.row = row
        self.rank = rank
        self.exitCode = exitCode
    }

    /// The same error with the place filled in where it was unknown.
    public func at(file: String? = nil, row: Int? = nil, rank: Int? = nil) -> AltaError {
        var copy = self
        copy.file = self.file ?? file
        copy.row = self.row ?? row
        copy.rank = self.rank ?? rank
        return copy
    }

    /// One line: what (file, row, rank): why; remedy. Without the `error: ` that the commands put in front.
    public var description: String {
        var places: [String] = []
        if let file { places.append(file) }
        if let row { places.append("row \(row)") }
        if let rank { places.append("rank \(rank)") }
        var line = what
        if !places.isEmpty { line += " (\(places.joined(separator: ", ")))" }
        if let why { line += ": \(why)" }
        if let remedy { line += "; \(remedy)" }
        return line.split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}
