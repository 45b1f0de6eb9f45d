import AltaCore

/// One radiograph as a sequence of tokens: its CLS token, then the patches that the encoder sees.
public struct ViewTokens: Sendable {
    /// Which of the four radiographs it is: it decides the place embeddings.
    public let view: View
    /// The visible patches, in the order in which they are packed.
    public let patches: [Int]
    /// The row of its first embedded patch; nil for an absent radiograph, which is made of `missing_token`.
    public let firstPatchRow: Int?

    /// Stores the facts of one radiograph.
    public init(view: View, patches: [Int], firstPatchRow: Int?) {
        self.view = view
        self.patches = patches
        self.firstPatchRow = firstPatchRow
    }
}

/// How the radiographs of a micro-batch are packed: a study's views are neighbours.
public struct VisionLayout: Sendable {
    /// All radiographs, study by study.
    public let views: [ViewTokens]
    /// One sequence a radiograph: CLS and the visible patches.
    public let sequences: Segments
    /// The rows of each study.
    public let studies: Segments

    /// The layout of these radiographs, of which each study has as many: four in training, one at inference.
    public init(views: [ViewTokens], viewsPerStudy: Int) {
        self.init(views: views, viewCounts: Array(repeating: viewsPerStudy, count: views.count / viewsPerStudy))
    }

    /// The layout of these radiographs, of which study `i` has `viewCounts[i]`.
    public init(views: [ViewTokens], viewCounts: [Int]) {
        precondition(views.count == viewCounts.reduce(0, +), "\(views.count) radiographs in groups of \(viewCounts)")
        self.views = views
        let sequences = Segments(lengths: views.map { $0.patches.count + 1 })
        let bounds = Segments(lengths: viewCounts).offsets.map { sequences.offsets[$0] }
        self.sequences = sequences
        studies = Segments(lengths: zip(bounds.dropFirst(), bounds).map { $0 - $1 })
    }

    /// The row of every radiograph's CLS token.
    public var classRows: [Int] { (0..<views.count).map { sequences[$0].lowerBound } }

    /// The rows of every visible patch, without the CLS tokens.
    public var patchRows: [Int] { (0..<views.count).flatMap { Array(sequences[$0].dropFirst()) } }
}
