import AltaCore
import AltaFormats
import AltaModel

/// A tensor of the catalogue and where among pretrained files its values are.
struct PretrainedTensor {
    /// The file that has it.
    let file: WeightFile
    /// Its name there.
    let name: String
    /// Its shape there.
    let shape: [Int]
}

/// A tensor of a file that the model has no place of its own for, since it equals another one.
struct TiedTensor {
    /// The file that has it.
    let file: WeightFile
    /// Its name there.
    let name: String
    /// The catalogue's name of the tensor it is tied to.
    let original: String

    /// - Parameter name: BERT's name of the tensor, without a prefix.
    static func make(file: WeightFile, name: String, bertName: String, root: String) -> TiedTensor {
        let original =
            bertName.hasSuffix(".bias") ? "cls.predictions.bias" : "bert.embeddings.word_embeddings.weight"
        return TiedTensor(file: file, name: name, original: root + original)
    }
}

/// Pretrained files as a source of weights, each tensor found before any is read.
///
/// Whatever the files lack that they must have, or have in another shape, is an error when the plan is made; what may be
/// absent is left to the initialisation and stands in the reports.
struct PretrainedWeights {
    /// By the catalogue's names.
    let tensors: [String: PretrainedTensor]
    /// One for each source.
    let reports: [WeightReport]

    /// Finds every tensor of `catalog` that the sources give.
    ///
    /// - Parameter comparesTied: whether the report tells of tied tensors that differ; it reads them, one rank is enough.
    /// - Throws: `AltaError` where a source lacks a tensor that it must have, or has one in a shape that does not fit.
    static func make(
        _ sources: [PretrainedSource], catalog: WeightCatalog, stageNeedsDecoder: Bool, comparesTied: Bool
    ) throws -> PretrainedWeights {
        let plans = try sources.map { source in
            var plan = PretrainedPlan(source: source, catalog: catalog, needsDecoder: stageNeedsDecoder)
            try plan.find()
            if comparesTied { try plan.compareTied() }
            return plan
        }
        return PretrainedWeights(
            tensors: plans.reduce(into: [:]) { all, plan in all.merge(plan.tensors) { first, _ in first } },
            reports: plans.map(\.report))
    }

    /// Whether a file gives this tensor.
    func contains(_ part: WeightPart) -> Bool { tensors[part.name] != nil }

    /// Fills a tensor that a file gives, fitted to the model's number of patches where it holds positions.
    ///
    /// - Throws: `AltaError` where the file cannot be read or holds a number that is not finite.
    func read(_ part: WeightPart, into values: UnsafeMutableBufferPointer<Float>) throws {
        guard let tensor = tensors[part.name] else { preconditionFailure("no file gives \(part.name)") }
        if tensor.shape == part.shape {
            try tensor.file.readFloats(tensor.name, into: values)
            try tensor.file.tensor(tensor.name).releasePages()
        } else {
            try readPositions(tensor, part, into: values)
        }
        guard WeightHash.isFinite(values) else {
            throw AltaError(
                "\(tensor.name) holds a number that is not finite", remedy: "use another checkpoint or file",
                file: tensor.file.path)
        }
    }

    private func readPositions(
        _ tensor: PretrainedTensor, _ part: WeightPart, into values: UnsafeMutableBufferPointer<Float>
    ) throws {
        guard let grid = PositionInterpolation.grid(tokens: tensor.shape[1]),
            let target = PositionInterpolation.grid(tokens: part.shape[1])
        else { preconditionFailure("\(part.name) was planned from \(tensor.shape)") }
        var source = [Float](repeating: 0, count: tensor.shape[1] * tensor.shape[2])
        try source.withUnsafeMutableBufferPointer { source in
            try tensor.file.readFloats(tensor.name, into: source)
            PositionInterpolation.fill(
                values, grid: target, from: UnsafeBufferPointer(source), grid: grid, width: tensor.shape[2])
        }
    }
}
