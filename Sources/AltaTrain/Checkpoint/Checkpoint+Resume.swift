import AltaComm
import AltaCore
import Foundation

extension Checkpoint {
    /// Collective. The checkpoint that a run goes on from, the same on every rank; nil: it starts afresh.
    ///
    /// One rank chooses and all open what it names: to hosts of a shared file system a folder may show at different times,
    /// and each would choose for itself.
    /// - Throws: as `toResume(_:folder:progress:notice:)`, and where the folder is not there for a rank, on every rank.
    static func toResume(
        _ config: RunConfig, folder: RunFolder, context: RankContext, notice: (String) -> Void
    ) throws -> Checkpoint? {
        let chosen = try context.agree {
            context.isFirst
                ? try toResume(config, folder: folder, progress: context.clock.noteProgress, notice: notice) : nil
        }
        let path = try context.collectives.broadcast(chosen?.path ?? "", from: 0)
        guard !path.isEmpty else { return nil }
        return try context.agree { try chosen ?? open(appearing: path, progress: context.clock.noteProgress) }
    }

    /// How long a folder that another host renamed may take to show here: some file systems remember names that were not
    /// there for a while.
    private static let appearanceSeconds = 5.0

    private static func open(appearing path: String, progress: () -> Void) throws -> Checkpoint {
        let limit = Date(timeIntervalSinceNow: appearanceSeconds)
        while access("\(path)/\(stateName)", F_OK) != 0, errno == ENOENT || errno == ESTALE {
            guard Date() < limit else {
                throw AltaError(
                    "the checkpoint that rank 0 goes on from is not here",
                    remedy: "put `output` on a file system that all hosts share", file: path)
            }
            usleep(100_000)
        }
        return try open(path, progress: progress)
    }

    /// The checkpoint that a run goes on from; nil: it starts afresh. One rank asks.
    ///
    /// `auto` takes the newest valid one in the output folder and tells of those it passes over.
    /// - Throws: `AltaError` where the checkpoint belongs to another run, naming the keys that differ, or where a path
    ///   was given that holds none.
    static func toResume(
        _ config: RunConfig, folder: RunFolder, progress: () -> Void, notice: (String) -> Void
    ) throws -> Checkpoint? {
        switch config.resume {
        case .never: return nil
        case .auto:
            guard let found = try newest(in: folder, progress: progress, notice: notice) else { return nil }
            return try found.checked(against: config)
        case .path(let path):
            return try find(path, .newest, progress: progress, notice: notice).checked(against: config)
        }
    }

    private func checked(against config: RunConfig) throws -> Checkpoint {
        guard config.stage == self.config.stage else {
            throw AltaError(
                "the checkpoint is of the stage \(self.config.stage.rawValue)",
                why: "this run is of the stage \(config.stage.rawValue)",
                remedy: "choose another `output`; what was pretrained is given by pretrained.vision", file: path)
        }
        if config.precision == .fp32, computed.precision == .bf16 {
            throw AltaError(
                "the checkpoint was computed in bf16",
                why: "this run computes in fp32: it asks for that, or a rank's processor has no bf16 products",
                remedy:
                    "leave precision at auto and use machines with AVX-512 BF16 or AMX, choose another `output`, or set "
                    + "resume to null", file: path)
        }
        let differing = config.differences(from: computed)
        guard differing.isEmpty else {
            throw AltaError(
                "the checkpoint is of another run",
                why: differing.joined(separator: "; "),
                remedy: "take those values back, choose another `output`, or set resume to null", file: path)
        }
        return self
    }

    /// The configuration that the checkpoint's steps were computed with: those who wrote an unresolved precision had fp32.
    private var computed: RunConfig {
        var computed = config
        if computed.precision == .auto { computed.precision = .fp32 }
        return computed
    }

    /// The run folder that holds this checkpoint's frozen weights.
    var runFolder: RunFolder {
        let checkpoints = URL(filePath: path).deletingLastPathComponent()
        return RunFolder(checkpoints.deletingLastPathComponent().path)
    }
}
