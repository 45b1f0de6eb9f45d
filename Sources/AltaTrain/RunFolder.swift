import AltaCore
import AltaFormats
import Foundation

/// Where a run keeps what it makes; the names are a contract (INTERFACE: "A run folder").
public struct RunFolder: Sendable {
    /// The folder.
    public let path: String

    /// Stores the path.
    public init(_ path: String) { self.path = path }

    /// The resolved configuration.
    public var configPath: String { "\(path)/config.json" }
    /// One JSON object a step.
    public var logPath: String { "\(path)/log.jsonl" }
    /// One folder a checkpoint.
    public var checkpointsPath: String { "\(path)/checkpoints" }
    /// Frozen weights that came from no file.
    public var frozenPath: String { "\(path)/frozen.safetensors" }

    /// Whether both paths lead to one folder.
    func isSame(as other: RunFolder) -> Bool {
        let resolved = [self, other].map { URL(filePath: $0.path).resolvingSymlinksInPath().standardizedFileURL.path }
        return resolved[0] == resolved[1]
    }

    /// Makes the folder where it is missing; one rank does.
    ///
    /// - Throws: `AltaError` where it cannot be made.
    public func create() throws {
        do {
            try FileManager.default.createDirectory(atPath: checkpointsPath, withIntermediateDirectories: true)
        } catch {
            throw AltaError(
                "cannot make the output folder", why: (error as NSError).localizedDescription,
                remedy: "set `output` to a folder that this user may write", file: path)
        }
    }

    /// Writes the resolved configuration, once the run is known to start; one rank does.
    ///
    /// - Throws: `AltaError` where it cannot be written.
    public func write(_ config: RunConfig) throws {
        try AtomicFile.write(configPath, text: try config.resolvedJSON().text(.pretty) + "\n")
    }
}
