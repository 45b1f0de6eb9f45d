import AltaCore
import AltaFormats
import Foundation

/// Writes checkpoints into a run folder and removes old ones; one thread of one rank does.
///
/// Every file is flushed under a temporary folder's name, then the folder, which then gets its name by one rename: ended at
/// any moment, it leaves every checkpoint that was complete before.
struct CheckpointWriter: Sendable {
    let folder: RunFolder
    let config: RunConfig
    let origin: TrainingOrigin
    /// What decides the bits of products.
    let kernels: String
    let frozen: FrozenFile
    let observe: CheckpointObserver
    /// Called as the writing gets on.
    let progress: @Sendable () -> Void

    /// Writes the checkpoint of a completed step, then removes what `keep_checkpoints` does not keep.
    ///
    /// - Parameter past: the newest step of this run's past in the folder; later checkpoints are not this run's, and are
    ///   set aside.
    /// - Parameter placed: called once the folder has its name: from then on it counts, whatever fails after it.
    /// - Throws: `AltaError`; a checkpoint that was there before stays as it was, and nothing partial stays.
    func write(_ snapshot: CheckpointSnapshot, past: Int, placed: () -> Void) throws {
        let step = snapshot.step
        let temporary = folder.temporaryPath(step: step)
        let stage = { (stage: CheckpointStage) in
            progress()
            try observe(stage, step)
        }
        do {
            try stage(.begun)
            try frozen.keep(at: folder.frozenPath, hash: origin.frozen, progress: progress)
            try stage(.frozenKept)
            folder.removeLeftovers()
            try stage(.leftoversRemoved)
            try RunFolder.make(temporary)
            try stage(.folderMade)
            try writeFiles(of: snapshot, into: temporary, stage)
            try folder.setAside(after: past) { try stage(.setAside) }
            try RunFolder.move(temporary, to: folder.checkpointPath(step: step))
            placed()
            try stage(.inPlace)
            try AtomicFile.flushFolder(of: temporary)
            try stage(.placeFlushed)
        } catch {
            try? FileManager.default.removeItem(atPath: temporary)
            throw CheckpointWriter.fault(error, "cannot write the checkpoint of step \(step)", file: temporary)
        }
        // The new checkpoint is there: what is left over of an old one is removed with the next.
        try? folder.removeOlder(keeping: config.keepCheckpoints) { try stage($0) }
    }

    /// Names the best checkpoint; the one that was it before is removed, unless it is among the newest.
    ///
    /// - Throws: `AltaError`; the file stays as it was.
    func write(_ best: BestCheckpoint) throws {
        do {
            try observe(.bestBegun, best.step)
            try best.write(to: folder)
            try observe(.bestWritten, best.step)
        } catch {
            throw CheckpointWriter.fault(error, "cannot name the best checkpoint", file: folder.bestPath)
        }
        try? folder.removeOlder(keeping: config.keepCheckpoints) {
            progress()
            try observe($0, best.step)
        }
    }

    private func writeFiles(
        of snapshot: CheckpointSnapshot, into path: String, _ stage: (CheckpointStage) throws -> Void
    ) throws {
        var facts: [String: FileFacts] = [:]
        func write(
            _ name: String, _ begun: CheckpointStage, _ unflushed: CheckpointStage, _ written: CheckpointStage,
            _ content: (FileSink) throws -> Void
        ) throws {
            facts[name] = try AtomicFile.writeUnder("\(path)/\(name)", progress: progress) { sink in
                try stage(begun)
                try content(sink)
                try stage(unflushed)
            }
            try stage(written)
        }
        try withoutActuallyEscaping(stage) { stage in
            try write(Checkpoint.trainableName, .trainableBegun, .trainableUnflushed, .trainableWritten) {
                let halfway = Self.telling(snapshot.values) { try stage(.trainableHalf) }
                try SafetensorsWriter.write(halfway, metadata: ["format": "pt"], to: $0)
            }
            try write(Checkpoint.optimizerName, .optimizerBegun, .optimizerUnflushed, .optimizerWritten) {
                try SafetensorsWriter.write(
                    Self.telling(snapshot.moments) { try stage(.optimizerHalf) }, to: $0)
            }
        }
        try write(Checkpoint.stateName, .stateBegun, .stateUnflushed, .stateWritten) {
            try $0.write(try state(of: snapshot).text(.pretty))
        }
        let manifest = CheckpointManifest(files: facts)
        try write(CheckpointManifest.name, .completionBegun, .completionUnflushed, .completionWritten) {
            try $0.write(try manifest.text())
        }
        try AtomicFile.flushFolder(of: "\(path)/\(CheckpointManifest.name)")
        try stage(.folderFlushed)
    }

    private func state(of snapshot: CheckpointSnapshot) -> JSONValue {
        .object(
            members: [
                ("step", .integer(snapshot.step)), ("updates", .integer(snapshot.updates)),
                (CheckpointManifest.key, .string(CheckpointManifest.name)),
            ] + origin.members + [("kernels", .string(kernels)), ("config", config.resolvedJSON())])
    }

    /// The same tensors, the middle one of which says that its turn has come.
    private static func telling(
        _ tensors: [TensorSource], _ halfway: @escaping () throws -> Void
    ) -> [TensorSource] {
        tensors.enumerated().map { index, tensor in
            guard index == tensors.count / 2 else { return tensor }
            return TensorSource(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape) { sink in
                try halfway()
                try tensor.content(sink)
            }
        }
    }

    /// What failed with what it means.
    private static func fault(_ error: any Error, _ what: String, file: String) -> AltaError {
        guard let error = error as? AltaError else {
            return AltaError(
                what, why: (error as NSError).localizedDescription,
                remedy: "free some space or fix the folder's permissions", file: file)
        }
        return AltaError(
            what, why: [error.what, error.why].compactMap { $0 }.joined(separator: ": "), remedy: error.remedy,
            file: error.file ?? file)
    }
}
