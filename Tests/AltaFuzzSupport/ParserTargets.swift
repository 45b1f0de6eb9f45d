import AltaCore
import Foundation

/// All parsers of bytes from outside. A new one is added here, with a function beside its kind.
public enum ParserTargets {
    /// The parsers, in the order of the report.
    public static func all() throws -> [ParserTarget] {
        try [
            safetensors(), torchArchive(), torchPickle(), torchLegacy(), weightIndex(),
            table(), vocabulary(), json(), configuration(),
            png(), jpeg(), dicom(), pack(),
        ]
    }

    /// A file of `Tests/Fixtures`.
    static func path(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/\(name)").path
    }

    /// The content of files of a folder of `Tests/Fixtures`, in the order of their names.
    static func fixtures(_ folder: String, where isWanted: (String) -> Bool) throws -> [[UInt8]] {
        let names = try FileManager.default.contentsOfDirectory(atPath: path(folder)).filter(isWanted).sorted()
        return try names.map { try SmallFile.contents(path("\(folder)/\($0)"), what: "a fixture") }
    }
}
