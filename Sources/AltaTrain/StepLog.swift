import AltaCore
import AltaModel
import Foundation

/// `log.jsonl`: a line is appended and flushed each step, so that a killed run loses none.
final class StepLog {
    private let handle: FileHandle
    private let path: String

    private init(handle: FileHandle, path: String) {
        self.handle = handle
        self.path = path
    }

    /// Opens the log for appending, after its last whole line: a kill may have cut one off.
    static func open(_ path: String) throws -> StepLog {
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let handle = FileHandle(forWritingAtPath: path) else {
            throw AltaError(
                "cannot write the log", remedy: "set `output` to a folder that this user may write", file: path)
        }
        let end = try handle.seekToEnd()
        let whole = try wholeLines(path)
        if whole < end { try handle.truncate(atOffset: whole) }
        return StepLog(handle: handle, path: path)
    }

    /// Bytes up to and including the last line feed; a device has none.
    private static func wholeLines(_ path: String) throws -> UInt64 {
        let file = try FileHandle(forReadingFrom: URL(filePath: path))
        defer { try? file.close() }
        var end = try file.seekToEnd()
        let stride: UInt64 = 4096
        while end > 0 {
            let start = end - min(end, stride)
            try file.seek(toOffset: start)
            let bytes = try file.read(upToCount: Int(end - start)) ?? Data()
            if let feed = bytes.lastIndex(of: 0x0A) { return start + UInt64(feed - bytes.startIndex) + 1 }
            end = start
        }
        return 0
    }

    func append(_ object: JSONObject) throws {
        let line = Array((try JSONValue.object(object).text() + "\n").utf8)
        var start = 0
        while start < line.count {
            let count = line[start...].withUnsafeBytes { write(handle.fileDescriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw AltaError.system("cannot write the log", file: path) }
            start += count
        }
    }

    /// A step's line, with the ranks' hosts `[R]`, and with `more` members at its end.
    func append(_ report: StepReport, hosts: [String], _ more: [(String, JSONValue)]) throws {
        var object = report.json
        object["ranks"] = report.spreads.json(hosts: hosts)
        for (key, value) in more { object[key] = value }
        try append(object)
    }

    func append(event: String, _ members: [(String, JSONValue)]) throws {
        var object = JSONObject()
        object["event"] = .string(event)
        object["time"] = .number(Date().timeIntervalSince1970)
        for (key, value) in members { object[key] = value }
        try append(object)
    }
}

extension StepReport {
    /// The step as a line of the log.
    var json: JSONObject {
        var object = JSONObject()
        object["step"] = .integer(step)
        object["epoch"] = .number(epoch)
        object["studies_hash"] = .string(StableHash.hex(hashes.studies))
        object["draws_hash"] = .string(StableHash.hex(hashes.draws))
        object["loss"] = .number(losses.total)
        object["losses"] = .object(members: losses.named.map { ($0.name, .number($0.value)) })
        object["learning_rate"] = .number(learningRate)
        object["logit_scales"] = .object(
            members: zip(WeightCatalog.logitScaleNames, logitScales).map { ($0, .number($1)) })
        object["gradient_norm"] = .number(gradientNorm)
        object["gflop"] = .number(gflop)
        object["studies_per_second"] = .number(studiesPerSecond)
        object["seconds"] = .object(
            members: Phase.allCases.map { ($0.rawValue, .number(seconds[$0] ?? 0)) })
        object["communication_wait"] = .number(secondsWaited)
        return object
    }
}

extension JSONValue {
    static func object(members: [(String, JSONValue)]) -> JSONValue {
        var object = JSONObject()
        for (key, value) in members { object[key] = value }
        return .object(object)
    }
}
