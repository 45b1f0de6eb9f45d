import AltaCore
import AltaFormats
import AltaModel
import Foundation

/// The frozen weights that came from no file, on their way into the run folder.
///
/// They are read from where they came, which nobody writes to, and not from what training computes with.
struct FrozenFile: @unchecked Sendable {  // see above: of the weights only what never changes is used
    private let weights: ModelWeights

    /// Those of a model.
    init(_ weights: ModelWeights) { self.weights = weights }

    /// Sees to it that the run folder holds them; before a checkpoint.
    ///
    /// Those of another run, which this one took the folder from, get another name beside them and are not lost; at no
    /// moment is there no file.
    /// - Parameter progress: called as the writing gets on.
    func keep(at path: String, hash: String, progress: @escaping () -> Void) throws {
        guard !weights.frozenFromNoFile.isEmpty else { return }
        if FileManager.default.fileExists(atPath: path) {
            if let file = try? SafetensorsFile(path: path), file.metadata[FrozenFile.hashKey] == hash { return }
            let aside = FrozenFile.superseded(path)
            unlink(aside)
            // Where the file system has no second names, the first one moves.
            if link(path, aside) != 0 { try RunFolder.move(path, to: aside) }
        }
        let sources = weights.frozenFromNoFile.flatMap { spec in
            ModelWeights.parts(of: spec).map { part, offset in
                TensorSource(name: part.name, dtype: .float32, shape: part.shape) { sink in
                    try weights.withFrozenValues(of: spec) { values in
                        let numbers = UnsafeBufferPointer(start: values.base + offset, count: part.count)
                        try sink.write(UnsafeRawBufferPointer(numbers))
                    }
                }
            }
        }
        try SafetensorsWriter.write(
            sources, metadata: ["format": "pt", FrozenFile.hashKey: hash], to: path, progress: progress)
    }

    fileprivate static let hashKey = "frozen_hash"

    fileprivate static func superseded(_ path: String) -> String {
        let url = URL(filePath: path)
        return url.deletingLastPathComponent().appending(path: "superseded-\(url.lastPathComponent)").path
    }
}

extension RunFolder {
    /// The file of frozen weights with this hash: where a run that took the folder over was stopped before its first
    /// checkpoint, those of the checkpoints that are there have another name by now.
    ///
    /// - Returns: nil where there is none; where no hash fits, the one in place, for the weights are compared later.
    func frozenFile(hash: String) throws -> SafetensorsFile? {
        let paths = [frozenPath, FrozenFile.superseded(frozenPath)].filter(FileManager.default.fileExists)
        for path in paths {
            if let file = try? SafetensorsFile(path: path), file.metadata[FrozenFile.hashKey] == hash { return file }
        }
        return paths.contains(frozenPath) ? try SafetensorsFile(path: frozenPath) : nil
    }
}
