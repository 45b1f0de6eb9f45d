import AltaCore
import Foundation

extension Checkpoint {
    /// Which checkpoint of a run folder is wanted.
    public enum Choice: Sendable {
        /// The newest valid one, to go on from.
        case newest
        /// The best by the run's validation, where it has one, else the newest.
        case best
    }

    /// A checkpoint of a run folder, or the step folder named.
    ///
    /// - Parameters:
    ///   - progress: called as the reading gets on.
    ///   - notice: hears of those that are passed over, and, where the best is wanted, which one it is.
    /// - Throws: `AltaError` where there is none.
    public static func find(
        _ path: String, _ choice: Choice, progress: () -> Void = {}, notice: (String) -> Void
    ) throws -> Checkpoint {
        let isStep = [stateName, CheckpointManifest.name].contains {
            FileManager.default.fileExists(atPath: "\(path)/\($0)")
        }
        if isStep { return try open(path, progress: progress) }
        let folder = RunFolder(path)
        if choice == .best, let best = best(in: folder, notice: notice) { return best }
        guard let found = try newest(in: folder, progress: progress, notice: notice) else {
            throw AltaError(
                "no valid checkpoint here", remedy: "name a run folder or a step folder in its checkpoints",
                file: path)
        }
        if choice == .best { notice("note: taking the newest checkpoint, of step \(found.step)") }
        return found
    }

    /// The newest checkpoint of a run folder that is whole; nil: there is none.
    ///
    /// - Throws: `AltaError` with exit code 75 where the file system does not give what is there: an older checkpoint, or
    ///   none, would be taken for what the run had come to.
    static func newest(
        in folder: RunFolder, progress: () -> Void = {}, notice: (String) -> Void
    ) throws -> Checkpoint? {
        do {
            for path in try folder.checkpoints() {
                do { return try open(path, progress: progress) } catch let error as AltaError
                    where error.isOfFileSystem
                { throw error } catch { passOver(error, notice) }
            }
        } catch var error as AltaError {
            error.exitCode = .stoppedEarly
            error.remedy = [error.remedy, "to go on from an older checkpoint, move that one away"].compactMap { $0 }
                .joined(separator: "; ")
            throw error
        }
        return nil
    }

    private static func best(in folder: RunFolder, notice: (String) -> Void) -> Checkpoint? {
        do {
            guard let best = try BestCheckpoint.load(folder) else { return nil }
            let found = try open(folder.checkpointPath(step: best.step))
            notice("note: taking the best checkpoint, of step \(best.step) (\(best.score.metric) \(best.score.value))")
            return found
        } catch {
            passOver(error, notice)
            return nil
        }
    }

    private static func passOver(_ error: any Error, _ notice: (String) -> Void) {
        notice("note: passing over a checkpoint that cannot be read: \(error)")
    }
}
