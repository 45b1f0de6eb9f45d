#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension AltaError {
    /// The fault that a call of the operating system left: its text as the reason, and what to do about it.
    /// - Parameters:
    ///   - what: what was being done, as "cannot write the checkpoint".
    ///   - file: the file it was done to.
    ///   - code: the `errno` of the call.
    public static func system(_ what: String, file: String, code: Int32 = errno) -> AltaError {
        var error = AltaError(what, why: systemText(code), remedy: systemRemedy(code), file: file)
        error.systemCode = code
        return error
    }

    /// Whether the file system would not answer, as opposed to: what was asked for is not there, or not what it should be.
    public var isOfFileSystem: Bool { systemCode.map { ![ENOENT, ENOTDIR].contains($0) } ?? false }

    /// The text of an `errno`, as "No space left on device".
    public static func systemText(_ code: Int32) -> String {
        guard let text = strerror(code) else { return "errno \(code)" }
        return String(cString: text)
    }

    private static func systemRemedy(_ code: Int32) -> String {
        switch code {
        case ENOENT: "check the path; it is relative to the working folder unless it begins with /"
        case EACCES, EPERM: "choose a place that this user may use, or change its permissions"
        case EROFS: "the file system is read-only; choose another folder"
        case ENOSPC: "the disk is full; free some space, or choose a folder on another disk"
        case EDQUOT: "the user's disk quota is used up; free some space, or choose another folder"
        case ENOTDIR: "a part of the path is a file, not a folder; check the path"
        case EISDIR: "the path is a folder; name a file"
        case EMFILE, ENFILE: "too many files are open; raise the limit with ulimit -n"
        case ENAMETOOLONG: "choose a shorter path"
        case ENOMEM: "the machine is out of memory; run fewer ranks on it"
        case EIO, ESTALE: "the disk or its network failed; check the file system, then run again"
        default: "check the path and its file system"
        }
    }
}
