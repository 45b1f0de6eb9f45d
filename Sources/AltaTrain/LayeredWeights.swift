import AltaCore
import AltaFormats
import AltaModel

/// Weights from a checkpoint, else from pretrained files, else freshly initialised.
public struct LayeredWeights: WeightSource {
    /// What trained, of a checkpoint.
    let trained: SafetensorsFile?
    let pretrained: PretrainedWeights
    /// A run folder's frozen weights, which came from no file when the run began.
    let runFrozen: SafetensorsFile?
    let fallback: RandomWeights

    /// The weights of a checkpoint with its run's frozen ones, over pretrained files, over fresh ones.
    static func of(_ checkpoint: Checkpoint?, pretrained: PretrainedWeights, seed: UInt64) throws -> LayeredWeights {
        let frozen = try checkpoint.flatMap { try $0.runFolder.frozenFile(hash: $0.origin.frozen) }
        return LayeredWeights(
            trained: checkpoint?.trainable, pretrained: pretrained, runFrozen: frozen,
            fallback: RandomWeights(seed: seed))
    }

    /// Whether a pretrained file has every tensor of a weight.
    func comesFromPretrained(_ spec: WeightSpec) -> Bool { spec.parts.allSatisfy(pretrained.contains) }

    /// Fills a tensor from the first place that has it.
    public func load(
        _ part: WeightPart, of spec: WeightSpec, into values: UnsafeMutableBufferPointer<Float>
    ) throws -> Bool {
        if let trained, trained.contains(part.name) {
            return try FileWeights(file: trained, prefix: "").load(part, of: spec, into: values)
        }
        if pretrained.contains(part) {
            try pretrained.read(part, into: values)
            return true
        }
        guard let runFrozen, runFrozen.contains(part.name) else {
            return try fallback.load(part, of: spec, into: values)
        }
        _ = try FileWeights(file: runFrozen, prefix: "").load(part, of: spec, into: values)
        return false
    }
}
