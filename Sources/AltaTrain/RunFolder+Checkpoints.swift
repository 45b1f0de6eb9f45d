import AltaCore
import AltaFormats
import Foundation

extension RunFolder {
    /// The checkpoints in the folder, newest first; temporary ones are not among them.
    ///
    /// - Throws: `AltaError` where the folder is there and cannot be read.
    public func checkpoints() throws -> [String] {
        let steps = try SmallFile.names(in: checkpointsPath).compactMap(RunFolder.step(ofFolder:))
        return steps.sorted(by: >).map(checkpointPath(step:))
    }

    /// The folder of a step's checkpoint.
    func checkpointPath(step: Int) -> String { "\(checkpointsPath)/\(RunFolder.folderName(step: step))" }

    /// The folder of a step's checkpoint while it is written.
    func temporaryPath(step: Int) -> String { "\(checkpointsPath)/.partial-\(RunFolder.folderName(step: step))" }

    /// Which checkpoint is the best.
    var bestPath: String { "\(checkpointsPath)/best.json" }

    static func folderName(step: Int) -> String {
        let digits = String(step)
        return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    /// The step in a name such as `step-00000042`; nil for another name.
    static func step(ofFolder name: String) -> Int? {
        guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), step >= 0,
            name == RunFolder.folderName(step: step)
        else { return nil }
        return step
    }

    /// Removes what a process that was ended left under temporary names.
    func removeLeftovers() {
        for prefix in [".partial-", ".removed-"] {
            for name in SmallFile.names(in: checkpointsPath, prefix: prefix, suffix: "") {
                try? FileManager.default.removeItem(atPath: "\(checkpointsPath)/\(name)")
            }
        }
    }

    /// Renames the checkpoints of steps after `past`: they are not of this run's past, or they are damaged, and
    /// `resume: auto` must not take them for its own. They are kept, for whoever went back by mistake.
    ///
    /// - Parameter done: called after each.
    func setAside(after past: Int, done: () throws -> Void) throws {
        for path in try checkpoints() {
            let name = URL(filePath: path).lastPathComponent
            guard let step = RunFolder.step(ofFolder: name), step > past else { continue }
            // Nothing may name a checkpoint that is gone.
            if let best = try? BestCheckpoint.load(self), best.step == step { try moveAside(bestPath) }
            try moveAside(path)
            try done()
        }
    }

    private func moveAside(_ path: String) throws {
        let url = URL(filePath: path)
        let aside = "\(checkpointsPath)/superseded-\(url.lastPathComponent)"
        try? FileManager.default.removeItem(atPath: aside)
        try RunFolder.move(path, to: aside)
    }

    /// Removes checkpoints: the newest `count` stay, and the best. A folder loses its name first: none is ever half there.
    ///
    /// - Parameter done: called between any two changes.
    /// - Throws: `AltaError`; where it cannot be told which is the best, none is removed.
    func removeOlder(keeping count: Int, done: (CheckpointStage) throws -> Void) throws {
        let best = try BestCheckpoint.load(self)
        for path in try checkpoints().dropFirst(count) {
            let name = URL(filePath: path).lastPathComponent
            guard RunFolder.step(ofFolder: name) != best?.step else { continue }
            let removed = "\(checkpointsPath)/.removed-\(name)"
            try RunFolder.move(path, to: removed)
            try done(.olderRenamed)
            try FileManager.default.removeItem(atPath: removed)
            try done(.olderRemoved)
        }
    }

    /// Makes a folder in one that is there.
    static func make(_ path: String) throws {
        guard mkdir(path, 0o777) == 0 else { throw AltaError.system("cannot make a folder", file: path) }
    }

    /// Gives a file or folder another name, by one call.
    static func move(_ path: String, to other: String) throws {
        guard rename(path, other) == 0 else { throw AltaError.system("cannot rename a folder", file: path) }
    }
}
