/// What a failing rank leaves for the launcher, so that the first cause can stand above everything else.
///
/// Written as one JSON object to the file `rank-R.json` of the folder that `folderVariable` names in the environment.
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
