import AltaCore
import AltaFormats
import AltaModel
import AltaTensor
import Foundation

/// A step's checkpoint: what trains, the optimizer, and the position in the run. Frozen weights are not in it.
///
/// A folder is written under a temporary name, every file in it flushed, and renamed: a folder with a step's name is
/// complete.
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

    /// Opens a step folder: reads its description and checks that its files are whole.
    ///
    /// - Throws: `AltaError` where anything is missing or malformed.
    public static func open(_ path: String) throws -> Checkpoint {
        let statePath = "\(path)/\(stateName)"
        let bytes = try SmallFile.contents(statePath, what: "the checkpoint's state")
        let state = try JSONValue(parsing: String(decoding: bytes, as: UTF8.self), file: statePath)
        guard let step = state["step"]?.int, let updates = state["updates"]?.int, step >= 0, updates >= 0,
            let origin = TrainingOrigin(state: state), let config = state["config"]
        else {
            throw AltaError(
                "the checkpoint's state is malformed", remedy: "remove this checkpoint; an older one is used",
                file: statePath)
        }
        return Checkpoint(
            path: path, config: try RunConfig(json: config, file: statePath), step: step, updates: updates,
            origin: origin, kernels: state["kernels"]?.string,
            trainable: try SafetensorsFile(path: "\(path)/\(trainableName)"),
            optimizer: try SafetensorsFile(path: "\(path)/\(optimizerName)"))
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

/// Writes checkpoints into a run folder and removes old ones; one rank does.
struct CheckpointWriter {
    let folder: RunFolder
    let config: RunConfig
    let origin: TrainingOrigin
    /// What decides the bits of products.
    let kernels: String

    /// Writes the checkpoint of a completed step, then removes what `keep_checkpoints` does not keep.
    ///
    /// - Throws: `AltaError`; a checkpoint that was there before stays as it was.
    func write(step: Int, weights: ModelWeights, optimizer: Optimizer) throws {
        let final = folder.checkpointPath(step: step)
        let temporary = "\(folder.checkpointsPath)/.partial-\(RunFolder.folderName(step: step))"
        let files = FileManager.default
        do {
            try weights.keepFrozen(at: folder.frozenPath, hash: origin.frozen)
            try? files.removeItem(atPath: temporary)
            try files.createDirectory(atPath: temporary, withIntermediateDirectories: true)
            try writeFiles(into: temporary, step: step, weights: weights, optimizer: optimizer)
            try setAside(folder.checkpoints().prefix { $0 >= final })
            try files.moveItem(atPath: temporary, toPath: final)
            try AtomicFile.flushFolder(of: final)
        } catch {
            try? files.removeItem(atPath: temporary)
            guard let error = error as? AltaError else {
                throw AltaError(
                    "cannot write the checkpoint of step \(step)", why: (error as NSError).localizedDescription,
                    remedy: "free some space or fix the folder's permissions", file: final)
            }
            throw error
        }
        for path in folder.checkpoints().dropFirst(config.keepCheckpoints) { try? files.removeItem(atPath: path) }
    }

    private func writeFiles(into path: String, step: Int, weights: ModelWeights, optimizer: Optimizer) throws {
        var values: [TensorSource] = []
        var moments: [TensorSource] = []
        for (slot, spec) in weights.trainableSpecs.enumerated() {
            values += spec.sources(weights.trainables[slot].value)
            moments += spec.sources(optimizer.moments(slot).first, prefix: "first_moment/")
            moments += spec.sources(optimizer.moments(slot).second, prefix: "second_moment/")
        }
        try SafetensorsWriter.write(
            values, metadata: ["format": "pt"], to: "\(path)/\(Checkpoint.trainableName)")
        try SafetensorsWriter.write(moments, to: "\(path)/\(Checkpoint.optimizerName)")
        var state = JSONObject()
        state["step"] = .integer(step)
        state["updates"] = .integer(optimizer.updates)
        for (key, value) in origin.members { state[key] = value }
        state["kernels"] = .string(kernels)
        state["config"] = config.resolvedJSON()
        try AtomicFile.write(
            "\(path)/\(Checkpoint.stateName)", text: try JSONValue.object(state).text(.pretty))
    }

    /// Renames checkpoints of this step or later ones: this run went back to an earlier step, or began afresh, and
    /// `resume: auto` must not take them for its own. They are kept, for whoever went back by mistake.
    private func setAside(_ checkpoints: some Sequence<String>) throws {
        for path in checkpoints {
            let name = URL(filePath: path).lastPathComponent
            let aside = "\(folder.checkpointsPath)/superseded-\(name)"
            try? FileManager.default.removeItem(atPath: aside)
            try FileManager.default.moveItem(atPath: path, toPath: aside)
        }
    }
}

extension WeightSpec {
    /// The published tensors of a weight, to be written from its memory.
    func sources(_ matrix: Matrix, prefix: String = "") -> [TensorSource] {
        ModelWeights.parts(of: self).map { part, offset in
            TensorSource(name: prefix + part.name, dtype: .float32, shape: part.shape) { sink in
                let values = UnsafeBufferPointer(start: matrix.base + offset, count: part.count)
                try sink.write(UnsafeRawBufferPointer(values))
            }
        }
    }
}
