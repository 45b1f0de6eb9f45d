import AltaCore
import Foundation

extension Sequence<FailureRecord> {
    /// The first cause among records in the order of their times.
    ///
    /// Each time is by its own host's clock: a rank that lost its partner may seem to have failed before it.
    var firstCause: FailureRecord? {
        first { !$0.isOfCommunication } ?? first { _ in true }
    }
}

extension FailureRecord {
    private static let longestFile = 1 << 16

    /// The records that ranks left in a folder, the earliest first; what is no complete record yet is skipped.
    package static func load(folder: String) -> [FailureRecord] {
        names(in: folder)
            .compactMap { name in
                guard let file = FileHandle(forReadingAtPath: "\(folder)/\(name)"),
                    let data = try? file.read(upToCount: longestFile)
                else { return nil }
                return try? JSONDecoder().decode(FailureRecord.self, from: data)
            }
            .sorted { ($0.secondsSince1970, $0.rank) < ($1.secondsSince1970, $1.rank) }
    }

    /// Removes what an earlier job left, in all its attempts.
    package static func clear(folder: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where name.hasSuffix(".json") && (name.hasPrefix("rank-") || name.hasPrefix("attempt-")) {
            try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
    }

    /// Keeps the records of an attempt under other names, so that the next one's stand alone.
    package static func setAside(folder: String, attempt: Int) {
        for name in names(in: folder) {
            try? FileManager.default.moveItem(
                atPath: "\(folder)/\(name)", toPath: "\(folder)/attempt-\(attempt)-\(name)")
        }
    }

    private static func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
            .filter { $0.hasPrefix("rank-") && $0.hasSuffix(".json") }
    }
}
