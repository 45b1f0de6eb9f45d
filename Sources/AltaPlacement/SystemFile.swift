import AltaCore
import Foundation

/// Small text files of the kernel.
enum SystemFile {
    /// The file's text.
    static func text(_ path: String) throws -> String {
        do {
            return try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw AltaError("cannot read what the kernel tells", why: "\(error)", file: path)
        }
    }

    /// The file's text; nil where there is no such file, as in many containers.
    static func textIfPresent(_ path: String) -> String? {
        try? String(contentsOfFile: path, encoding: .utf8)
    }
}

/// Results of the C wrappers.
enum SystemCall {
    /// Returns what the call returned, unless it is a negative errno.
    @discardableResult
    static func check(_ result: Int32, _ what: String, remedy: String? = nil) throws -> Int {
        guard result >= 0 else {
            throw AltaError(what, why: String(cString: strerror(-result)), remedy: remedy)
        }
        return Int(result)
    }
}
