import AltaAutograd
import AltaCore
import AltaFormats
import AltaModel
import Foundation

extension ModelWeights {
    /// A hash of every frozen weight's name and values: checkpoints say with it what they were trained on.
    func frozenHash() -> String {
        var hash = StableHash()
        for spec in catalog.specs {
            guard case .frozen(let weight) = self[spec.name] else { continue }
            hash.combine(spec.name)
            hash.combine(UnsafeRawBufferPointer(weight.value.elements))
        }
        return hash.hex
    }

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
        let sources = frozenFromNoFile.flatMap { spec in spec.sources(self[spec.name].value) }
        try SafetensorsWriter.write(sources, metadata: ["format": "pt", "frozen_hash": hash], to: path)
    }
}
