import AltaAutograd
import AltaCore
import AltaFormats
import AltaModel

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

    /// Writes the frozen weights that came from no file into the run folder; one rank does, once.
    func writeFrozen(to path: String) throws {
        guard !frozenFromNoFile.isEmpty else { return }
        let sources = frozenFromNoFile.flatMap { spec in spec.sources(self[spec.name].value) }
        try SafetensorsWriter.write(sources, metadata: ["format": "pt"], to: path)
    }
}
