import AltaCore
import Foundation

/// The last operations of a rank as a file that people and programs read: one JSON object a line, the earliest first.
enum OperationDump {
    /// Writes `rank-R.operations` beside the status of `board`; where that has no file, nothing.
    ///
    /// A dump that cannot be written does not keep the job from ending.
    static func write(_ status: RankStatus, beside board: RankBoard) {
        guard let own = board.path else { return }
        let file = URL(filePath: own).deletingLastPathComponent().appending(path: "rank-\(status.rank).operations")
        try? Data(text(status).utf8).write(to: file, options: .atomic)
    }

    /// The lines: first where the rank is, then each operation.
    static func text(_ status: RankStatus) throws -> String {
        var head = JSONObject()
        head["rank"] = .integer(status.rank)
        head["host"] = .string(status.host)
        head["process"] = .integer(Int(status.processIdentifier))
        head["phase"] = .string(status.phase)
        head["step"] = status.step.map(JSONValue.integer) ?? .null
        head["completed_steps"] = .integer(status.completedSteps)
        head["is_in_collective"] = .bool(status.isInCollective)
        head["since_seconds_since_1970"] = .number(status.since)
        head["heartbeat_seconds_since_1970"] = .number(status.heartbeat)
        return try ([head] + status.operations.map(\.json)).map { try JSONValue.object($0).text() + "\n" }.joined()
    }
}
