import AltaCore
import Foundation

/// Small files that are there as a whole or not at all.
enum WholeFile {
    /// Writes under a temporary name, flushes and renames.
    /// - Throws: `AltaError` naming the path, the reason and a remedy; what was there before is left as it was.
    static func write(_ bytes: [UInt8], to path: String) throws(AltaError) {
        let temporary = "\(path).\(getpid()).partial"
        do throws(AltaError) {
            try put(temporary, bytes, flags: O_TRUNC)
            guard rename(temporary, path) == 0 else {
                throw AltaError.system("cannot put a file in place", file: path)
            }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Writes a text likewise.
    /// - Throws: as `write` of bytes.
    static func write(_ text: String, to path: String) throws(AltaError) { try write(Array(text.utf8), to: path) }

    /// Appends to a file that grows, and flushes.
    /// - Throws: `AltaError` naming the path, the reason and a remedy.
    static func append(_ bytes: [UInt8], to path: String) throws(AltaError) { try put(path, bytes, flags: O_APPEND) }

    private static func put(_ path: String, _ bytes: [UInt8], flags: Int32) throws(AltaError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0o644)
        guard descriptor >= 0 else { throw AltaError.system("cannot write a file", file: path) }
        let isWritten = writeAll(bytes, to: descriptor) && fsync(descriptor) == 0
        let code = errno
        close(descriptor)
        guard isWritten else { throw AltaError.system("cannot write a file", file: path, code: code) }
    }
}
