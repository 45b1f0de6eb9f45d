import AltaAutograd
import AltaCore
import AltaFormats
import AltaModel
import Foundation

extension Sequence<WeightSpec> {
    /// A hash of every weight's name and values: checkpoints say with that of the frozen ones what they were trained on.
    ///
    /// - Parameter values: hands the values of a weight over, as a whole or part by part in their order.
    func weightHash(
        _ values: (_ spec: WeightSpec, _ take: (UnsafeRawBufferPointer) -> Void) throws -> Void
    ) rethrows -> String {
        var hash = StableHash()
        for spec in self {
            hash.combine(spec.name)
            try values(spec) { hash.combine($0) }
        }
        return hash.hex
    }
}

extension ModelWeights {
    /// The hash of all frozen weights.
    func frozenHash() -> String {
        catalog.specs.filter { self[$0.name].trainable == nil }.weightHash { spec, take in
            take(UnsafeRawBufferPointer(self[spec.name].value.elements))
        }
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
