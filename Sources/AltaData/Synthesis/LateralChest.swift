/// The outline of a chest seen from its left side: the patient faces the image's left, the spine is on the right.
struct LateralChest {
    let thorax: ThoraxState

    /// The front border of the lungs at height `y`.
    func front(_ y: Float) -> Float {
        let s = min(1, max(0, (y - thorax.anatomy.apexY) / 0.75))
        return -0.1 - (0.36 + 0.03 * thorax.anatomy.habitus) * (1 - (1 - s) * (1 - s)).squareRoot()
    }

    /// The back border of the lungs at height `y`.
    func back(_ y: Float) -> Float {
        let s = (y - thorax.anatomy.apexY) / 0.7
        let r = 1 - min(1, max(0, s))
        return 0.2 + 0.33 * (1 - r * r * r).squareRoot() - 0.05 * max(0, s - 1)
    }

    /// The middle of the vertebral column.
    func spine(_ y: Float) -> Float { back(y) - 0.1 + 0.06 * max(0, y - 0.2) }

    /// The height of one hemidiaphragm at `x`: high in front, falling to the sulcus behind.
    func dome(_ side: BodySide, _ x: Float) -> Float {
        let top = side == .left ? thorax.leftDomeY : thorax.rightDomeY
        let away = x + 0.12
        return top + (away > 0 ? 0.62 * away * away + 0.4 * away * away * away : 0.5 * away * away)
    }

    /// Both lungs along the beam at height `y`, in centimetres, at their thickest.
    func depth(_ y: Float) -> Float {
        (thorax.anatomy.lungDepth + 5) * (0.4 + 0.6 * smoothStep(-0.75, -0.15, y))
    }
}
