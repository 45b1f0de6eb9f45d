import AltaCore

/// One study as the model takes it: augmented, masked and tokenized, everything drawn from its keys.
public struct PreparedStudy: Sendable {
    /// Which study it is.
    public let index: StudyIndex
    /// The current frontal radiograph at twice the encoder's resolution: the reconstruction target.
    public let large: PlanarImage
    /// The inputs of the encoder: four in the order of `View` where reports are aligned, the current frontal alone in
    /// pretraining; nil: absent.
    public let views: [PlanarImage?]
    /// For each view all patches, the visible ones first (ascending in the masking noise).
    public let patchOrders: [[Int]]
    /// The report, intact and masked.
    public let report: PreparedReport
    /// What this study's dropout masks are drawn from in this epoch.
    public let dropoutKey: RandomKey

    /// Stores the parts.
    public init(
        index: StudyIndex, large: PlanarImage, views: [PlanarImage?], patchOrders: [[Int]], report: PreparedReport,
        dropoutKey: RandomKey
    ) {
        precondition(
            (views.count == 1 || views.count == View.count) && patchOrders.count == views.count,
            "\(views.count) views, \(patchOrders.count) orders of patches")
        self.index = index
        self.large = large
        self.views = views
        self.patchOrders = patchOrders
        self.report = report
        self.dropoutKey = dropoutKey
    }
}

/// All patches in ascending order of their noise, ties by number: the first `kept` are the visible ones.
///
/// Source: `noise.argsort` of the reference.
public func patchOrder(noise: [Float]) -> [Int] {
    noise.indices.sorted { (noise[$0], $0) < (noise[$1], $1) }
}
