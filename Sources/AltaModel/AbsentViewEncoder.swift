import AltaAutograd
import AltaCore
import AltaData
import AltaTensor

/// Encodes absent radiographs apart from the studies that lack them: but for the mask, nothing of a study is in them.
public struct AbsentViewEncoder {
    /// The views that a study may lack; a view's place here is its slot in `SharedRows`.
    public static let views = Array(View.allCases.dropFirst())

    let vision: VisionEncoder

    /// The encoder of these weights.
    public static func make(weights: ModelWeights) -> AbsentViewEncoder {
        AbsentViewEncoder(vision: weights.visionEncoder())
    }

    /// The visible patches of a view wherever it is absent in a step: a function of (seed, step, view) alone.
    ///
    /// - Returns: `[kept]`, in the order in which they are packed; each step draws anew, so every patch is as likely as in a
    ///   mask of the study's own.
    public static func mask(_ view: View, step: Int, seed: UInt64, config: ModelConfig) -> [Int] {
        let key = RandomKey(seed: seed, purpose: .absentMask).child(UInt64(step)).child(UInt64(view.rawValue))
        return Array(patchOrder(noise: (0..<config.patches).map(key.uniform)).prefix(config.kept))
    }

    /// The encoded rows of absent views, one view after the other. What they share of a weight's gradient is one partial.
    ///
    /// - Parameter views: each at most once, with the patches that are visible.
    /// - Returns: `[rows of all views, width]`: of each its CLS token, then its visible patches.
    public func callAsFunction(_ views: [(view: View, patches: [Int])], on tape: Tape) -> Variable {
        let tokens = views.map { ViewTokens(view: $0.view, patches: $0.patches, firstPatchRow: nil) }
        return vision(nil, layout: VisionLayout(views: tokens, viewsPerStudy: tokens.count), on: tape)
    }
}
