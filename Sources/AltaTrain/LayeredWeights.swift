import AltaCore
import AltaFormats
import AltaModel

/// Weights from the first of several files that has them, else freshly initialised.
public struct LayeredWeights: WeightSource {
    let files: [SafetensorsFile]
    /// A run folder's frozen weights, which came from no file when the run began.
    let runFrozen: SafetensorsFile?
    let fallback: RandomWeights

    /// Fills a tensor from the first file that holds its name, else from the initialisation.
    public func load(
        _ part: WeightPart, of spec: WeightSpec, into values: UnsafeMutableBufferPointer<Float>
    ) throws -> Bool {
        if let file = files.first(where: { $0.contains(part.name) }) {
            return try FileWeights(file: file, prefix: "").load(part, of: spec, into: values)
        }
        guard let runFrozen, runFrozen.contains(part.name) else {
            return try fallback.load(part, of: spec, into: values)
        }
        _ = try FileWeights(file: runFrozen, prefix: "").load(part, of: spec, into: values)
        return false
    }
}
