import AltaCore

extension PhantomFrontal {
    /// What fills air spaces: effusion, consolidation, edema, atelectasis.
    mutating func addOpacities() {
        for found in thorax.findings {
            for side in found.finding.side.lungs {
                switch found.finding.kind {
                case .effusion: addEffusion(found, side)
                case .consolidation: addConsolidation(found, side)
                case .edema: addEdema(found, side)
                case .atelectasis: addAtelectasis(found, side)
                default: break
                }
            }
        }
    }

    /// The columns of the image over one lung.
    private func span(_ side: BodySide) -> ClosedRange<Float> {
        let ends = [lungs.imageX(side, 0), lungs.imageX(side, thorax.anatomy.chestHalfWidth)].sorted()
        return ends[0]...ends[1]
    }

    /// Fluid that rises at the side of the chest: the meniscus.
    private mutating func addEffusion(_ found: PresentFinding, _ side: BodySide) {
        let height: Float = [0, 0.27, 0.52, 0.9][found.extent.rawValue] + 0.03 * (found.finding.key.uniform(40) - 0.5)
        let (base, lungs) = (lungs.baseY(side), self.lungs)
        projection.opacity.veil(x: span(side), y: base - height - 0.1...base + 0.2) { x, y in
            let distance = lungs.distance(x)
            let u = distance / lungs.thorax.anatomy.chestHalfWidth
            let surface = base - height * (0.42 + 0.58 * u * u * u)
            return 0.97 * smoothStep(-0.045, 0.05, y - surface) + 0.12 * smoothStep(-0.25, 0, y - surface)
        }
    }

    private mutating func addConsolidation(_ found: PresentFinding, _ side: BodySide) {
        let finding = found.finding
        let size: Float = [0, 0.62, 0.85, 1.15][found.extent.rawValue]
        let density: Float = [0, 0.68, 0.78, 0.88][found.extent.rawValue]
        var draws = RandomDraws(finding.key.child(1))
        let shift = SIMD2(0.025 * draws.bell(), 0.025 * draws.bell())
        let lobe = FrontalLobe(side: side, zone: finding.zone ?? .lower, thorax: thorax)
        let centre = SIMD2(lungs.imageX(side, lobe.distance + shift.x), lobe.y + shift.y)
        let (halfWidth, halfHeight) = (lobe.halfWidth * size, lobe.halfHeight * size)
        let noise = ValueNoise(finding.key.child(2))
        let (x, y) = (halfWidth * 1.5, halfHeight * 1.5)
        projection.opacity.veil(x: centre.x - x...centre.x + x, y: centre.y - y...centre.y + y) { px, py in
            let (u, v) = ((px - centre.x) / halfWidth, (py - centre.y) / halfHeight)
            let rough = noise.cloud(px, py, frequency: 7) - 0.5
            let inside = smoothStep(-0.45, 0.7, 1 - u * u - v * v + 1.5 * rough)
            let fissure = lobe.fissure(py)
            return density * inside * fissure * (1 + 0.35 * (noise.sample(px, py, frequency: 19) - 0.6))
        }
    }

    /// Haze about the hila that thins towards the periphery, and fluid in the septa (Kerley B lines).
    private mutating func addEdema(_ found: PresentFinding, _ side: BodySide) {
        let strength: Float = [0, 0.27, 0.55, 0.85][found.extent.rawValue]
        let spread: Float = [1, 0.27, 0.34, 0.42][found.extent.rawValue]
        let noise = ValueNoise(found.finding.key.child(side == .left ? 4 : 5))
        let centre = SIMD2(lungs.imageX(side, 0.24), Float(0.0))
        projection.opacity.veil(x: span(side), y: -0.7...0.7) { x, y in
            let (dx, dy) = ((x - centre.x) / spread, (y - centre.y) / (spread * 1.25))
            let fall = 1 / (1 + (dx * dx + dy * dy) * (dx * dx + dy * dy))
            let cloud = 0.55 + 0.9 * noise.cloud(x, y, frequency: 8)
            return min(0.92, strength * (0.12 + 0.88 * fall) * cloud)
        }
        var draws = RandomDraws(found.finding.key.child(6))
        for line in 0..<(5 * found.extent.rawValue) {
            let y = lungs.baseY(side) - 0.12 - 0.028 * Float(line % 12) + 0.01 * draws.bell()
            let edge = lungs.lateral(side, y) - 0.01
            let inner = edge - draws.within(0.05...0.1)
            projection.vessels.stroke(
                [SIMD2(lungs.imageX(side, edge), y), SIMD2(lungs.imageX(side, inner), y + 0.008)], radius: 0.004,
                peak: 0.22)
        }
    }

    /// Plates of collapsed lung above a raised diaphragm, with haze when there is more of it.
    private mutating func addAtelectasis(_ found: PresentFinding, _ side: BodySide) {
        var draws = RandomDraws(found.finding.key.child(side == .left ? 7 : 8))
        let top = lungs.domeTop(side)
        let size = found.extent.fraction
        for plate in 0..<min(2, found.extent.rawValue) {
            let y = top - 0.06 - 0.12 * Float(plate) + 0.015 * draws.bell()
            let tilt = 0.35 * draws.bell()
            let middle = lungs.imageX(side, 0.36 + 0.03 * draws.bell())
            let halfLength = draws.within(0.15...0.2) + 0.05 * size
            let thickness = 0.014 + 0.012 * size
            projection.opacity.veil(
                x: middle - halfLength...middle + halfLength, y: y - 0.09...y + 0.09
            ) { px, py in
                let along = (px - middle) / halfLength
                let away = (py - y - tilt * (px - middle) * 0.5) / thickness
                return 0.75 * (1 - along * along) / (1 + away * away * away * away)
            }
        }
        guard found.extent > .small else { return }
        projection.opacity.veil(x: span(side), y: top - 0.3...top + 0.3) { _, y in
            (0.7 * size) * smoothStep(-0.05 - 0.2 * size, 0.03, y - top)
        }
    }
}

/// Where a lobe lies in a frontal projection; distances from the midline.
struct FrontalLobe {
    let distance: Float
    let y: Float
    let halfWidth: Float
    let halfHeight: Float
    private let upperLimit: Float
    private let lowerLimit: Float

    /// The lobe that side and zone name.
    init(side: BodySide, zone: LungZone, thorax: ThoraxState) {
        let base = side == .left ? thorax.leftDomeY : thorax.rightDomeY
        // The minor fissure bounds the right upper lobe below and the middle lobe above.
        upperLimit = side == .right && zone == .middle ? base - 0.48 : -2
        lowerLimit = side == .right && zone == .upper ? -0.16 : 2
        switch zone {
        case .upper: (distance, y, halfWidth, halfHeight) = (0.36, -0.4, 0.24, 0.23)
        case .middle: (distance, y, halfWidth, halfHeight) = (0.33, base - 0.36, 0.24, 0.17)
        case .lower: (distance, y, halfWidth, halfHeight) = (0.4, base - 0.06, 0.26, 0.2)
        }
    }

    /// 1 inside the lobe, 0 beyond its fissures.
    func fissure(_ y: Float) -> Float {
        smoothStep(-0.008, 0.012, y - upperLimit) * smoothStep(-0.008, 0.012, lowerLimit - y)
    }
}
