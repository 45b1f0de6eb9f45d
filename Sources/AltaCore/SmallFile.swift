#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Small files read whole: configurations, vocabularies, records.
public enum SmallFile {
    /// The bytes of a file of at most `limit` bytes. Memory grows with what is read, not with what the file claims.
    ///
    /// Errors: the file cannot be opened or read, or is longer than `limit`.
    /// - Parameters:
    ///   - what: what the file is, as "the configuration", for the messages.
    ///   - limit: the most bytes that make sense.
    public static func contents(_ path: String, what: String, limit: Int = 16 << 20) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw AltaError.system("cannot open \(what)", file: path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= limit {
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw AltaError.system("cannot read \(what)", file: path) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
        throw AltaError(
            "\(what) is longer than \(limit) bytes", remedy: "check that the path names the right file", file: path)
    }

    /// The same; nil where there is no such file. What the file system does not give is an error.
    public static func contentsIfPresent(_ path: String, what: String, limit: Int = 16 << 20) throws -> [UInt8]? {
        do { return try contents(path, what: what, limit: limit) } catch let error as AltaError
            where error.systemCode == ENOENT
        { return nil }
    }

    /// The names in a folder that begin and end as told, in no order; none where the folder cannot be read.
    public static func names(in folder: String, prefix: String, suffix: String) -> [String] {
        ((try? names(in: folder)) ?? []).filter { $0.hasPrefix(prefix) && $0.hasSuffix(suffix) }
    }

    /// The names in a folder, in no order; none where there is no such folder.
    /// - Throws: `AltaError` where the folder cannot be read.
    public static func names(in folder: String) throws(AltaError) -> [String] {
        guard let directory = opendir(folder) else {
            guard errno == ENOENT else { throw AltaError.system("cannot read a folder", file: folder) }
            return []
        }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                guard errno == 0 else { throw AltaError.system("cannot read a folder", file: folder) }
                return names.filter { ![".", ".."].contains($0) }
            }
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
                })
        }
    }
}
