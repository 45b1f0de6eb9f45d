import AltaCore
import Foundation

/// The steps that a job has added to its run's `log.jsonl`: what it completed, where its ranks could publish nothing.
struct StepLogGrowth {
    private let path: String
    private let start: UInt64
    /// A step's line has some hundred bytes; of a longer growth the end will do.
    private static let longestGrowth: UInt64 = 1 << 20

    /// Remembers where the log of a run folder ends now; nil: there is no run folder.
    init?(output: String?) {
        guard let output else { return nil }
        path = "\(output)/log.jsonl"
        start = Self.size(path)
    }

    /// How many steps were added since, and the last one's number.
    func steps() -> (count: Int, last: Int) {
        let end = Self.size(path)
        guard end > start, let file = FileHandle(forReadingAtPath: path) else { return (0, 0) }
        defer { try? file.close() }
        let first = max(start, end > Self.longestGrowth ? end - Self.longestGrowth : 0)
        guard (try? file.seek(toOffset: first)) != nil, let data = try? file.read(upToCount: Int(end - first)) else {
            return (0, 0)
        }
        let steps = String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { line -> Int? in
            guard let value = try? JSONValue(parsing: String(line)), value["losses"] != nil else { return nil }
            return value["step"]?.int
        }
        return (steps.count, steps.last ?? 0)
    }

    private static func size(_ path: String) -> UInt64 {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.uint64Value ?? 0
    }
}
