import AltaCore
import Foundation

/// Small files that are there as a whole or not at all.
enum DurableFile {
    /// Writes under a temporary name, flushes, renames. Errors: the system's, with the path.
    static func write(_ path: String, bytes: [UInt8]) throws {
        let temporary = path + ".partial"
        try put(temporary, bytes, flags: O_TRUNC, path: path)
        guard rename(temporary, path) == 0 else {
            let error = AltaError.system("cannot put a file in place", file: path)
            unlink(temporary)
            throw error
        }
    }

    /// Appends and flushes. Errors: the system's, with the path.
    static func append(_ path: String, bytes: [UInt8]) throws { try put(path, bytes, flags: O_APPEND, path: path) }

    private static func put(_ file: String, _ bytes: [UInt8], flags: Int32, path: String) throws {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0o644)
        guard descriptor >= 0 else { throw AltaError.system("cannot write a file", file: path) }
        defer { close(descriptor) }
        guard writeAll(bytes, to: descriptor), fsync(descriptor) == 0 else {
            throw AltaError.system("cannot write a file", file: path)
        }
    }
}
