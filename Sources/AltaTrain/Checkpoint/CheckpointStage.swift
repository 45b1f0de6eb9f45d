/// Where the writing of a checkpoint stands: one case between any two calls that change what is on the disk.
///
/// Programs that look on can end the process at each, or let it fail there as a full disk does.
package enum CheckpointStage: String, CaseIterable, Sendable {
    /// Nothing is written yet.
    case begun
    /// The frozen weights that came from no file are in the run folder.
    case frozenKept
    /// What an earlier process left is removed.
    case leftoversRemoved
    /// The folder has its temporary name.
    case folderMade
    /// `trainable.safetensors`: made and empty; half of its tensors written; all written, not flushed; flushed.
    case trainableBegun, trainableHalf, trainableUnflushed, trainableWritten
    /// `optimizer.safetensors`, likewise.
    case optimizerBegun, optimizerHalf, optimizerUnflushed, optimizerWritten
    /// `state.json`, likewise.
    case stateBegun, stateUnflushed, stateWritten
    /// `complete.json`, likewise.
    case completionBegun, completionUnflushed, completionWritten
    /// The names in the folder are on the disk.
    case folderFlushed
    /// A checkpoint that is not of this run's past has another name.
    case setAside
    /// The folder has its name, and counts.
    case inPlace
    /// Its name is on the disk.
    case placeFlushed
    /// An older checkpoint that is not kept has a temporary name; it is gone.
    case olderRenamed, olderRemoved
    /// `best.json` is about to name a checkpoint; it does.
    case bestBegun, bestWritten
}

/// Hears of every stage of the checkpoint of a step, on the thread that writes; what it throws, the writing fails with.
package typealias CheckpointObserver = @Sendable (_ stage: CheckpointStage, _ step: Int) throws -> Void
