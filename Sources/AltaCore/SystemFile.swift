/// Small text files of the kernel, under `/proc` and `/sys`.
public enum SystemFile {
    /// They are generated, and short; what is longer is none of them.
    private static let longestBytes = 4 << 20

    /// The file's text.
    ///
    /// - Throws: `AltaError` where it cannot be read.
    public static func text(_ path: String) throws -> String {
        String(
            decoding: try SmallFile.contents(path, what: "what the kernel tells", limit: longestBytes), as: UTF8.self)
    }

    /// The file's text; nil where there is no such file, as in many containers.
    public static func textIfPresent(_ path: String) -> String? { try? text(path) }
}
