import Foundation

/// Files that tests compare with: the fixtures shipped under `Tests/Fixtures`, and the larger material beside the
/// checkout (`../shared`), which may be absent.
public enum SharedMaterial {
    /// The checkout's root.
    public static let projectRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// A file of `Tests/Fixtures`.
    public static func fixture(_ name: String) -> String {
        projectRoot.appending(path: "Tests/Fixtures/\(name)").path
    }

    /// A file or folder of `../shared`, or nil where that is absent (a test is then skipped by name).
    public static func shared(_ path: String) -> String? {
        let file = projectRoot.deletingLastPathComponent().appending(path: "shared/\(path)").path
        return FileManager.default.fileExists(atPath: file) ? file : nil
    }

    /// A new empty folder for one test, removed when the process of the tests ends.
    public static func temporaryFolder(_ name: String) throws -> String {
        let folder = temporaryRoot.appending(path: "\(name)-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder.path
    }

    private static let temporaryRoot: URL = {
        atexit { try? FileManager.default.removeItem(at: SharedMaterial.temporaryRoot) }
        return FileManager.default.temporaryDirectory.appending(path: "alta-tests-\(getpid())")
    }()
}
