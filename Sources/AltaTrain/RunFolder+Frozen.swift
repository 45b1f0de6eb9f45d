import AltaCore
import AltaFormats
import AltaModel
import Foundation

extension ModelWeights {
    /// Sees to it that the run folder holds the frozen weights that came from no file; one rank does, before a checkpoint.
    ///
    /// Those of another run, which this one took the folder from, are set aside, not lost.
    func keepFrozen(at path: String, hash: String) throws {
        guard !frozenFromNoFile.isEmpty else { return }
        let files = FileManager.default
        if files.fileExists(atPath: path) {
            if let file = try? SafetensorsFile(path: path), file.metadata["frozen_hash"] == hash { return }
            let url = URL(filePath: path)
            let aside = url.deletingLastPathComponent().appending(path: "superseded-\(url.lastPathComponent)").path
            try? files.removeItem(atPath: aside)
            try files.moveItem(atPath: path, toPath: aside)
        }
        let sources = frozenFromNoFile.flatMap { spec in
            ModelWeights.parts(of: spec).map { part, offset in
                TensorSource(name: part.name, dtype: .float32, shape: part.shape) { sink in
                    try self.withFrozenValues(of: spec) { values in
                        let numbers = UnsafeBufferPointer(start: values.base + offset, count: part.count)
                        try sink.write(UnsafeRawBufferPointer(numbers))
                    }
                }
            }
        }
        try SafetensorsWriter.write(sources, metadata: ["format": "pt", "frozen_hash": hash], to: path)
    }
}
