import AltaCore
import AltaFormats
import AltaModel

/// A step's checkpoint: what trains, the optimizer, and the position in the run. Frozen weights are not in it.
///
/// A folder is written under a temporary name, every file in it flushed, and renamed: a folder with a step's name is
/// complete, and `complete.json` in it tells what each of its files holds (`CheckpointManifest`).
public struct Checkpoint: Sendable {
    static let trainableName = "trainable.safetensors"
    static let optimizerName = "optimizer.safetensors"
    static let stateName = "state.json"

    /// The folder.
    public let path: String
    /// The configuration of the run that wrote it.
    public let config: RunConfig
    /// Steps completed.
    public let step: Int
    /// Updates made by the optimizer.
    public let updates: Int
    /// What it was trained on.
    public let origin: TrainingOrigin
    /// What decided the bits of its products; nil: not recorded.
    let kernels: String?
    /// What trains.
    public let trainable: SafetensorsFile
    /// The optimizer's moments.
    let optimizer: SafetensorsFile

    /// Opens a step folder: checks that every file is what was written, and reads its description.
    ///
    /// A checkpoint of an earlier version has no checksums; of its files only the form is checked.
    /// - Throws: `AltaError` where anything is missing, damaged or malformed.
    public static func open(_ path: String) throws -> Checkpoint { try open(path) {} }

    /// The same; `progress` is called as the reading gets on.
    static func open(_ path: String, progress: () -> Void) throws -> Checkpoint {
        let manifest = try CheckpointManifest.load(path)
        let state = try state(of: path, manifest)
        func file(_ name: String) throws -> SafetensorsFile {
            guard let manifest else { return try SafetensorsFile(path: "\(path)/\(name)") }
            return try SafetensorsFile(try manifest.bytes(of: name, in: path, progress: progress))
        }
        guard let step = state["step"]?.int, let updates = state["updates"]?.int, step >= 0, updates >= 0,
            let origin = TrainingOrigin(state: state), let config = state["config"]
        else { throw malformed(path) }
        return Checkpoint(
            path: path, config: try RunConfig(json: config, file: "\(path)/\(stateName)"), step: step, updates: updates,
            origin: origin, kernels: state["kernels"]?.string, trainable: try file(trainableName),
            optimizer: try file(optimizerName))
    }

    /// A checkpoint's description; one that was written with checksums is nothing without them.
    private static func state(of path: String, _ manifest: CheckpointManifest?) throws -> JSONValue {
        let statePath = "\(path)/\(stateName)"
        if let manifest {
            let file = try manifest.bytes(of: stateName, in: path)
            return try withExtendedLifetime(file) { try JSONValue(parsing: file.bytes, file: statePath) }
        }
        let bytes = try SmallFile.contents(statePath, what: "the checkpoint's state")
        let state = try JSONValue(parsing: String(decoding: bytes, as: UTF8.self), file: statePath)
        guard state[CheckpointManifest.key] == nil else {
            throw CheckpointManifest.damaged(CheckpointManifest.name, in: path, why: "it is missing")
        }
        return state
    }

    private static func malformed(_ path: String) -> AltaError {
        AltaError(
            "the checkpoint's state is malformed", remedy: "remove this checkpoint; an older one is used",
            file: "\(path)/\(stateName)")
    }

    /// Puts the optimizer's moments back in place.
    func restore(_ optimizer: Optimizer, weights: ModelWeights) throws {
        let source = { (prefix: String) in FileWeights(file: self.optimizer, prefix: prefix) }
        for (slot, spec) in weights.trainableSpecs.enumerated() {
            let moments = optimizer.moments(slot)
            for (part, offset) in ModelWeights.parts(of: spec) {
                for (prefix, matrix) in [("first_moment/", moments.first), ("second_moment/", moments.second)] {
                    let target = UnsafeMutableBufferPointer(start: matrix.base + offset, count: part.count)
                    _ = try source(prefix).load(part, of: spec, into: target)
                }
            }
        }
        optimizer.resume(updates: updates)
    }
}
