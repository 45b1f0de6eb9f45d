import AltaCore
import Foundation

/// The file that this process runs.
struct RunningProgram {
    private static let path = "/proc/self/exe"

    /// Tells it from every other file of this host, and from what it was before it was built again.
    let identity: String

    /// Looks at the file of this process.
    static func current() throws -> RunningProgram {
        var status = stat()
        guard stat(path, &status) == 0 else { throw AltaError.system("cannot look at this program", file: path) }
        let time = status.st_mtim
        return RunningProgram(
            identity: "\(status.st_dev) \(status.st_ino) \(status.st_size) \(time.tv_sec).\(time.tv_nsec)")
    }

    /// The hash of its bytes; reads all of it.
    func contentHash() throws -> String {
        do {
            let bytes = try Data(contentsOf: URL(filePath: Self.path), options: .alwaysMapped)
            return StableHash.hex(bytes.withUnsafeBytes { StableHash.value(of: $0) })
        } catch { throw AltaError("cannot read this program", why: "\(error)", file: Self.path) }
    }
}
