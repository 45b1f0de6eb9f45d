import AltaCore
import Glibc

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
