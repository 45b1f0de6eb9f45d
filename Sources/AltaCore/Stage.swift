/// The stage of training: which of the two models a run trains.
public enum Stage: String, Sendable, CaseIterable {
    /// ALTA: frozen encoders with adapters, aligned by four losses.
    case align
    /// MRM, the stage before: a vision model from masked radiographs and masked reports; everything trains.
    case pretrain

    /// The radiographs of a study that the model sees, in the order of `View`.
    public var views: [View] { self == .align ? View.allCases : [.currentFrontal] }

    /// The halves of a study's report that the text encoder reads, in the order in which they are packed.
    public var reportHalves: [ReportHalf] { self == .align ? ReportHalf.allCases : [.masked] }
}

/// A report as it is, or with masked words.
public enum ReportHalf: UInt64, Sendable, CaseIterable {
    case intact, masked
}
