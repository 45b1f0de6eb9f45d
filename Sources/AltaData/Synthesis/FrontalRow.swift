/// One row of a frontal projection: everything that depends on the height alone is computed once.
struct FrontalRow {
    let y: Float
    private let lungs: FrontalLungs
    private let medial: Float
    private let rightLateral: Float
    private let leftLateral: Float
    private let depth: Float
    private let torsoHalfWidth: Float
    private let torsoDepth: Float
    private let spineDepth: Float
    private let collapsedSide: BodySide?
    private let collapsedMedial: Float
    private let collapsedLateral: Float
    private let collapsedDensity: Float
    private let heart: FrontalHeart

    /// The row at height `y`; `collapse` is a pneumothorax.
    init(y: Float, lungs: FrontalLungs, collapse: PresentFinding?) {
        let anatomy = lungs.thorax.anatomy
        self.y = y
        self.lungs = lungs
        medial = lungs.medial(y)
        rightLateral = y < anatomy.apexY ? 0 : lungs.lateral(.right, y)
        leftLateral = y < anatomy.apexY ? 0 : lungs.lateral(.left, y)
        depth = lungs.depth(y)
        let flank = 0.015 * (anatomy.habitus + 2) * smoothStep(0.1, 0.9, y)
        torsoHalfWidth = anatomy.chestHalfWidth + 0.1 + 0.03 * anatomy.habitus + flank
        torsoDepth = anatomy.bodyDepth * (0.62 + 0.38 * smoothStep(-1.05, -0.4, y))
        let disc = abs((y / 0.125) - (y / 0.125).rounded())
        spineDepth = 0.45 * anatomy.boneDensity * (1 - 0.3 * (1 - smoothStep(0.06, 0.2, disc)))
        if let collapse {
            let (inset, drop) = FrontalLungs.collapse(collapse.extent)
            let side = collapse.finding.side
            collapsedSide = side
            let isBelow = y > anatomy.apexY + drop
            collapsedLateral = isBelow ? lungs.lateral(side, y, apexDrop: drop, inset: inset) : 0
            collapsedMedial = lungs.medial(y, apexDrop: drop, inset: inset)
            collapsedDensity = PhantomProjection.lungDensity + 0.3 * collapse.extent.fraction
        } else {
            (collapsedSide, collapsedMedial, collapsedLateral, collapsedDensity) = (nil, 0, 0, 0)
        }
        heart = FrontalHeart(lungs.thorax, y: y)
    }

    /// Attenuation and aeration where the row meets a column, with a fraction of the air replaced.
    func sample(_ column: FrontalColumn, opacity: Float) -> (attenuation: Float, aeration: Float) {
        let body = bodyDepth(column)
        var tissue = body + bone(column) / PhantomProjection.tissue
        let lung = lungDepth(column)
        let air = lung > 0 ? max(0, lung - heart.depth(column.x)) : 0
        var aeration: Float = 0
        if air > 0 {
            var aerated = air * (1 - opacity)
            var density = PhantomProjection.lungDensity
            aeration = min(1, aerated / 8)
            if column.side == collapsedSide {
                // Free air: what fills the lung's own air spaces is not here, nor are vessels.
                let free = freeShare(column.distance)
                density = collapsedDensity * (1 - free)
                aeration *= 1 - free
                aerated += (air - aerated) * free
            }
            tissue -= aerated * (1 - density)
        }
        tissue -= trachea(column) + gas(column)
        return (max(0, tissue) * PhantomProjection.tissue, aeration)
    }

    /// 1 outside a lung that has collapsed, 0 inside, with an edge of two coarse samples between.
    private func freeShare(_ distance: Float) -> Float {
        let inside = smoothStep(-0.009, 0.009, collapsedLateral - distance)
        return 1 - inside * smoothStep(-0.009, 0.009, distance - collapsedMedial)
    }

    private func lungDepth(_ column: FrontalColumn) -> Float {
        let lateral = column.side == .left ? leftLateral : rightLateral
        guard column.distance > medial, column.distance < lateral else { return 0 }
        let u = 2 * (column.distance - medial) / (lateral - medial) - 1
        let rim = u > 0 ? u * u * u : u * u * u * u
        let profile = (1 - abs(rim)).squareRoot()
        let below = y - column.dome
        // Behind the dome the posterior sulcus still holds some lung.
        let share = 1 - 0.86 * smoothStep(-0.012, 0.014, below) - 0.14 * smoothStep(0, 0.16, below)
        return depth * profile * share
    }

    private func bodyDepth(_ column: FrontalColumn) -> Float {
        let anatomy = lungs.thorax.anatomy
        let w = abs(column.x) / torsoHalfWidth
        let torso = w < 1 ? torsoDepth * (1 - w * w * w * w * w * w * w * w).squareRoot() : 0
        let across = abs(column.x)
        let slope = max(0, across - 0.17)
        let shoulderTop = -0.93 + 0.22 * slope + 0.35 * slope * slope
        let above = max(1 - smoothStep(0.17, 0.26, across), smoothStep(shoulderTop - 0.02, shoulderTop + 0.14, y))
        let axilla = 1 - smoothStep(-0.42, -0.2, y - 0.3 * max(0, across - torsoHalfWidth))
        let shoulder = 14.5 * axilla
        let neck = max(1 - smoothStep(0.17, 0.3, across), smoothStep(-0.95, -0.45, y))
        return max(torso * neck, shoulder) * above + breast(column, depth: anatomy.breastDepth)
    }

    private func breast(_ column: FrontalColumn, depth: Float) -> Float {
        guard depth > 0 else { return 0 }
        let u = (abs(column.x) - 0.38) / 0.29
        let v = (y - 0.22) / (y > 0.22 ? 0.27 : 0.42)
        let rest = 1 - u * u - v * v
        return rest > 0 ? depth * rest.squareRoot() : 0
    }

    private func bone(_ column: FrontalColumn) -> Float {
        let spine = (column.x - lungs.thorax.midline * 0.4 - lungs.thorax.anatomy.spineCurve * y) / 0.088
        let square = spine * spine
        guard square < 1 else { return 0 }
        return spineDepth * (1 - square * square)
    }

    private func trachea(_ column: FrontalColumn) -> Float {
        guard y < -0.24 else { return 0 }
        let u = (column.x - lungs.thorax.midline + 0.01) / 0.042
        return u * u < 1 ? 2.3 * (1 - u * u).squareRoot() : 0
    }

    private func gas(_ column: FrontalColumn) -> Float {
        let halfWidth = lungs.thorax.anatomy.gasBubble
        guard halfWidth > 0, column.side == .left, y > column.dome + 0.02 else { return 0 }
        let u = (column.x - 0.27) / halfWidth
        let v = (y - lungs.thorax.leftDomeY - 0.1) / 0.085
        let rest = 1 - u * u - v * v
        return rest > 0 ? 7 * rest.squareRoot() : 0
    }
}
