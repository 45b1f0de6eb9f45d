import AltaCore
import Foundation

extension Checkpoint {
    /// The checkpoint that a run goes on from; nil: it starts afresh.
    ///
    /// `auto` takes the newest valid one in the output folder and tells of those it passes over.
    /// - Throws: `AltaError` where the checkpoint belongs to another run, naming the keys that differ, or where a path
    ///   was given that holds none.
    static func toResume(_ config: RunConfig, folder: RunFolder, notice: (String) -> Void) throws -> Checkpoint? {
        switch config.resume {
        case .never: return nil
        case .auto:
            guard let found = newest(in: folder, notice: notice) else { return nil }
            return try found.checked(against: config)
        case .path(let path):
            return try find(path, .newest, notice: notice).checked(against: config)
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
