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

    /// The checkpoints in the folder, newest first; temporary ones are not among them.
    public func checkpoints() -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpointsPath)) ?? []
        return names.filter { RunFolder.step(ofFolder: $0) != nil }.sorted(by: >).map { "\(checkpointsPath)/\($0)" }
    }

    /// The folder of a step's checkpoint.
    func checkpointPath(step: Int) -> String { "\(checkpointsPath)/\(RunFolder.folderName(step: step))" }

    static func folderName(step: Int) -> String {
        let digits = String(step)
        return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    /// The step in a name such as `step-00000042`; nil for another name.
    static func step(ofFolder name: String) -> Int? {
        guard name.hasPrefix("step-"), name.count >= 13 else { return nil }
        return Int(name.dropFirst(5))
    }
}
