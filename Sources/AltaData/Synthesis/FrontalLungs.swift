/// The outline of the lungs in a frontal projection. `side` is the patient's; distances from the midline are positive on
/// both sides.
struct FrontalLungs {
    let thorax: ThoraxState
    /// The lowest point of the lungs, at the side.
    let rightBaseY: Float
    let leftBaseY: Float

    /// The outline of a chest.
    init(_ thorax: ThoraxState) {
        self.thorax = thorax
        rightBaseY = thorax.rightDomeY + thorax.anatomy.sulcusDepth
        leftBaseY = thorax.leftDomeY + thorax.anatomy.sulcusDepth
    }

    /// The top of a dome.
    func domeTop(_ side: BodySide) -> Float { side == .left ? thorax.leftDomeY : thorax.rightDomeY }

    /// The costophrenic angle.
    func baseY(_ side: BodySide) -> Float { side == .left ? leftBaseY : rightBaseY }

    /// The image's x of a distance from the midline.
    func imageX(_ side: BodySide, _ distance: Float) -> Float {
        thorax.midline + (side == .left ? distance : -distance)
    }

    /// The distance from the midline of a point of the image.
    func distance(_ x: Float) -> Float { abs(x - thorax.midline) }

    /// The outer border of a lung at height `y`; `apexDrop` lowers its top and `inset` draws it in, as in collapse.
    func lateral(_ side: BodySide, _ y: Float, apexDrop: Float = 0, inset: Float = 0) -> Float {
        let top = thorax.anatomy.apexY + apexDrop
        let s = min(1, max(0, (y - top) / (baseY(side) - top)))
        let r = 1 - s
        let rounded = (1 - r * r * (0.5 + 0.5 * r)).squareRoot()
        let apex = 0.27 - 0.4 * inset
        return apex + (thorax.anatomy.chestHalfWidth - inset - apex) * rounded
    }

    /// The inner border of a lung at height `y`, without the heart.
    func medial(_ y: Float, apexDrop: Float = 0, inset: Float = 0) -> Float {
        let top = thorax.anatomy.apexY + apexDrop
        let r = 1 - min(1, max(0, (y - top) / 0.3))
        let apex = 0.27 - 0.4 * inset
        return apex - (apex - 0.115) * (1 - r * r).squareRoot()
    }

    /// The height of the diaphragm at a distance from the midline.
    func dome(_ side: BodySide, _ distance: Float) -> Float {
        let top = thorax.anatomy.chestHalfWidth * 0.48
        let away = (distance - top) / (distance > top ? thorax.anatomy.chestHalfWidth - top : top)
        let fall: Float = distance > top ? thorax.anatomy.sulcusDepth : 0.07
        let square = away * away
        return domeTop(side) + fall * square * (distance > top ? 0.35 + 0.65 * square : 1)
    }

    /// Lung along the beam at height `y`, in centimetres, at its thickest.
    func depth(_ y: Float) -> Float {
        let s = (y - thorax.anatomy.apexY) / 0.5
        return thorax.anatomy.lungDepth * (0.45 + 0.55 * smoothStep(-0.1, 1, s))
    }

    /// How far a lung is drawn in by a pneumothorax: at the side, at the top.
    static func collapse(_ extent: FindingExtent) -> (inset: Float, apexDrop: Float) {
        switch extent {
        case .absent: (0, 0)
        case .small: (0.07, 0.15)
        case .moderate: (0.16, 0.28)
        case .large: (0.33, 0.45)
        }
    }
}
