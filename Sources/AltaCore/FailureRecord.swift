#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a failing rank leaves for the launcher, so that the first cause can stand above everything else.
///
/// Written as one JSON object to the file `rank-R.json` of the folder that `folderVariable` names in the environment; what one
/// rank tells of another, as of a stall, to `rank-R-seen-by-S.json`.
public struct FailureRecord: Codable, Sendable, Equatable {
    /// The environment variable that names the folder; set by the launcher.
    public static let folderVariable = "ALTA_FAILURE_FOLDER"

    /// The failing rank.
    public var rank: Int
    /// The name of its host.
    public var host: String
    /// What it was doing: `start`, `data`, `forward`, `loss`, `backward`, `communication`, `update`, `checkpoint`, …
    public var phase: String
    /// The step it was in, from 1; nil before the first.
    public var step: Int?
    /// The message, as printed, without `error: `.
    public var message: String
    /// The exit code the rank ended with.
    public var exitCode: Int32
    /// When, in seconds since 1970: the earliest record is the first cause.
    public var secondsSince1970: Double

    /// Stores the facts of a failure.
    public init(
        rank: Int, host: String, phase: String, step: Int?, message: String, exitCode: Int32,
        secondsSince1970: Double
    ) {
        self.rank = rank
        self.host = host
        self.phase = phase
        self.step = step
        self.message = message
        self.exitCode = exitCode
        self.secondsSince1970 = secondsSince1970
    }

    enum CodingKeys: String, CodingKey {
        case rank, host, phase, step, message
        case exitCode = "exit_code"
        case secondsSince1970 = "seconds_since_1970"
    }
}

extension FailureRecord {
    /// The file of what a rank tells of its own end.
    public static func fileName(rank: Int) -> String { "rank-\(rank).json" }

    /// The file of what a rank tells of another; that one may leave a record of its own.
    public static func fileName(rank: Int, seenBy reporter: Int) -> String { "rank-\(rank)-seen-by-\(reporter).json" }

    /// Writes the record where the launcher looks for it; whoever reads meanwhile finds no half of it. Not collective.
    ///
    /// - Parameter name: one of `fileName`.
    /// - Throws: `AltaError` where the file cannot be written.
    public func write(folder: String, name: String) throws {
        let path = "\(folder)/\(name)"
        try AtomicFile.write(path, temporary: "\(path).\(getpid())", text: try json.text())
    }

    private var json: JSONValue {
        var object = JSONObject()
        object["rank"] = .integer(rank)
        object["host"] = .string(host)
        object["phase"] = .string(phase)
        if let step { object["step"] = .integer(step) }
        object["message"] = .string(message)
        object["exit_code"] = .integer(Int(exitCode))
        object["seconds_since_1970"] = .number(secondsSince1970)
        return .object(object)
    }
}
