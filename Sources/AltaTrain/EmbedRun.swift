import AltaCore
import AltaFormats
import AltaModel

/// The vectors of a table's studies, written as one file.
public enum EmbedRun {
    /// Collective. Encodes `data.validation` (else `data.train`) with the weights of a checkpoint; rank 0 writes
    /// `images` and `reports`, `[studies, d]` each, unit rows in the table's order (d = width of the joint space).
    ///
    /// The file is the same at every rank count.
    /// - Parameters:
    ///   - path: a run folder or a step folder; nil: pretrained and freshly initialised weights.
    ///   - output: the safetensors file.
    ///   - notice: hears of pretrained weights, on rank 0.
    /// - Returns: how many studies there are.
    public static func run(
        _ config: RunConfig, checkpoint path: String?, imageVector: ImageVector, output: String, context: RankContext,
        notice: (String) -> Void
    ) throws -> Int {
        let run = try RetrievalRun.open(
            config, checkpoint: path, imageVector: imageVector, context: context, notice: notice)
        let encoded = try run.encode()
        let images = try inOrder(encoded.images, run)
        let reports = try inOrder(encoded.reports, run)
        let (count, width) = (run.preparer.source.count, run.model.weights.config.projection)
        try context.agree {
            guard context.isFirst else { return }
            try SafetensorsWriter.write(
                [
                    .floats("images", shape: [count, width], images),
                    .floats("reports", shape: [count, width], reports),
                ],
                metadata: ["format": "pt", "image": imageVector.rawValue, "rows": "\(count)"], to: output)
        }
        return count
    }

    /// Collective. The vectors of all studies in the table's order.
    private static func inOrder(_ own: [Float], _ run: RetrievalRun) throws -> [Float] {
        let width = run.model.weights.config.projection
        let rows = stride(from: 0, to: own.count, by: width).map { Array(own[$0..<$0 + width]) }
        let gather = ShareGather(
            collectives: run.context.collectives, shares: run.context.tableShares(of: run.preparer.source.count))
        return Array(try gather.gather(rows).joined())
    }
}
