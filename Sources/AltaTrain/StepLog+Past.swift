import AltaCore
import Foundation

extension StepLog {
    /// How much of a log's end is looked through: more than the steps between two checkpoints write.
    private static let longestPast = 64 << 20

    /// Whether the log tells of the validation after a step; of a step that was taken again, since then. Where the part of
    /// the log that is looked through does not reach back to the step, it is taken to have been validated.
    ///
    /// - Parameter named: the step that is named the best. A validation that was the best so far, and after which no such
    ///   step was named, ended too early to count.
    /// - Throws: `AltaError` where the file cannot be read.
    static func hasValidation(of step: Int, best named: Int?, in path: String) throws -> Bool {
        let (text, isWhole) = try end(of: path, byteCount: longestPast)
        for line in text.split(separator: 0x0A).reversed() {
            // A line that was cut off is none.
            guard let value = try? JSONValue(parsing: String(decoding: line, as: UTF8.self), file: path) else {
                continue
            }
            switch value["event"]?.string {
            case "validation" where value["step"]?.int == step:
                return value["best"]?.bool != true || named ?? -1 >= step
            // Here the run that took the step began, or it took it.
            case "start" where value["first_step"]?.int ?? 0 <= step: return false
            case nil where value["step"]?.int ?? step + 1 <= step: return false
            default: continue
            }
        }
        return !isWhole
    }

    /// The last bytes of a file, and whether those are all.
    private static func end(of path: String, byteCount: Int) throws -> (bytes: Data, isWhole: Bool) {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw AltaError.system("cannot read the log", file: path)
        }
        defer { try? file.close() }
        do {
            let size = try file.seekToEnd()
            let start = size - min(size, UInt64(byteCount))
            try file.seek(toOffset: start)
            return (try file.read(upToCount: byteCount) ?? Data(), start == 0)
        } catch {
            throw AltaError("cannot read the log", why: (error as NSError).localizedDescription, file: path)
        }
    }
}
