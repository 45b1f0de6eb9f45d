import AltaCore

/// The heart and great vessels along one row of a frontal projection.
struct FrontalHeart {
    private let thorax: ThoraxState
    private let y: Float
    private let centreX: Float
    private let centreY: Float
    private let cosine: Float
    private let sine: Float

    /// The row at height `y`.
    init(_ thorax: ThoraxState, y: Float) {
        self.thorax = thorax
        self.y = y
        let growth = thorax.heartScale - 1
        centreX = thorax.midline + 0.10 + 0.09 * growth
        centreY = thorax.leftDomeY - 0.15 - 0.1 * growth
        cosine = Float(Double.cosine(Double(thorax.anatomy.heartTilt)))
        sine = Float(Double.sine(Double(thorax.anatomy.heartTilt)))
    }

    /// Tissue in front of or behind the lungs, in centimetres.
    func depth(_ x: Float) -> Float {
        let anatomy = thorax.anatomy
        let scale = thorax.heartScale
        let (dx, dy) = (x - centreX, y - centreY)
        let long = (dx * cosine + dy * sine) / (anatomy.heartLength * scale)
        let short = (dy * cosine - dx * sine) / (anatomy.heartBreadth * scale)
        var depth = FrontalHeart.chord(long, short, 12)
        let fromMiddle = x - thorax.midline
        depth = max(
            depth, FrontalHeart.chord((fromMiddle + 0.05 * scale) / (0.14 * scale), (dy + 0.04) / (0.2 * scale), 9))
        depth = max(
            depth,
            FrontalHeart.chord(
                (fromMiddle - 0.085) / anatomy.aorticKnobRadius, (y + 0.32) / (anatomy.aorticKnobRadius * 1.15), 8))
        depth = max(depth, FrontalHeart.chord((fromMiddle - 0.08) / 0.085, (y + 0.15) / 0.11, 7))
        if y > -0.32 { depth = max(depth, FrontalHeart.chord((fromMiddle - 0.075) / 0.06, 0, 5)) }
        if y < 0.1 { depth = max(depth, FrontalHeart.chord((fromMiddle + 0.075) / 0.05, max(0, y) * 5, 5)) }
        return depth
    }

    private static func chord(_ u: Float, _ v: Float, _ peak: Float) -> Float {
        let rest = 1 - u * u - v * v
        return rest > 0 ? peak * rest.squareRoot() : 0
    }
}
