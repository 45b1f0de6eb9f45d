import AltaCore

extension PhantomLateral {
    /// What fills air spaces. One lung is half of what a lateral beam crosses.
    mutating func addOpacities() {
        for found in thorax.findings {
            let share: Float = found.finding.side == .bilateral ? 0.9 : 0.52
            switch found.finding.kind {
            case .effusion: addEffusion(found, share: share)
            case .consolidation: addConsolidation(found, share: share)
            case .edema: addEdema(found)
            case .atelectasis: addAtelectasis(found, share: share)
            default: break
            }
        }
    }

    /// Fluid fills the posterior sulcus first and rises along front and back.
    private mutating func addEffusion(_ found: PresentFinding, share: Float) {
        let height: Float = [0, 0.26, 0.5, 0.85][found.extent.rawValue]
        let base = thorax.leftDomeY + 0.3
        projection.opacity.veil(x: -0.6...0.65, y: base - height - 0.15...base + 0.3) { x, y in
            let surface = base - height * (0.55 + 0.45 * max(0, x / 0.5) * max(0, x / 0.5))
            return share * smoothStep(-0.05, 0.05, y - surface)
        }
    }

    private mutating func addConsolidation(_ found: PresentFinding, share: Float) {
        let size: Float = [0, 0.62, 0.85, 1.15][found.extent.rawValue]
        let base = thorax.leftDomeY
        let (centre, radius): (SIMD2<Float>, SIMD2<Float>) =
            switch found.finding.zone ?? .lower {
            case .upper: (SIMD2(-0.02, -0.4), SIMD2(0.22, 0.2))
            case .middle: (SIMD2(-0.22, base - 0.25), SIMD2(0.2, 0.15))
            case .lower: (SIMD2(0.32, base - 0.05), SIMD2(0.19, 0.23))
            }
        let noise = ValueNoise(found.finding.key.child(3))
        let reach = radius * size * 1.4
        let scaled = radius * size
        projection.opacity.veil(
            x: centre.x - reach.x...centre.x + reach.x, y: centre.y - reach.y...centre.y + reach.y
        ) { x, y in
            let d = (SIMD2(x, y) - centre) / scaled
            let rough = noise.cloud(x, y, frequency: 7) - 0.5
            return share * smoothStep(-0.5, 0.8, 1 - (d * d).sum() + 1.3 * rough)
        }
    }

    private mutating func addEdema(_ found: PresentFinding) {
        let strength: Float = [0, 0.3, 0.5, 0.75][found.extent.rawValue]
        let noise = ValueNoise(found.finding.key.child(9))
        projection.opacity.veil(x: -0.6...0.65, y: -0.7...0.8) { x, y in
            let (dx, dy) = ((x - 0.05) / 0.35, (y - 0.02) / 0.4)
            let fall = 1 / (1 + dx * dx + dy * dy)
            return strength * (0.25 + 0.75 * fall) * (0.55 + 0.9 * noise.cloud(x, y, frequency: 8))
        }
    }

    private mutating func addAtelectasis(_ found: PresentFinding, share: Float) {
        var draws = RandomDraws(found.finding.key.child(10))
        let thickness = 0.012 + 0.012 * found.extent.fraction
        for plate in 0..<min(2, found.extent.rawValue) {
            let y = thorax.leftDomeY - 0.04 - 0.11 * Float(plate) + 0.01 * draws.bell()
            let tilt = 0.25 + 0.1 * draws.bell()
            projection.opacity.veil(x: 0.0...0.45, y: y - 0.2...y + 0.2) { px, py in
                let along = (px - 0.22) / 0.2
                let away = (py - y - tilt * (px - 0.22)) / thickness
                return share * max(0, 1 - along * along) / (1 + away * away * away * away)
            }
        }
    }

    /// Nodules and hardware.
    mutating func addDetails() {
        for found in thorax.findings {
            switch found.finding.kind {
            case .nodule: addNodule(found)
            case .endotrachealTube:
                let points = [SIMD2<Float>(-0.01, -1.2), SIMD2(0.02, -0.7), SIMD2(0.06, -0.38)]
                projection.detail.stroke(points, radius: 0.026, peak: 1, hollow: true)
            case .centralLine: addCentralLine(found.finding)
            case .pacemaker: addPacemaker()
            case .sternotomyWires: addWires()
            case .chestTube: addChestTube(found.finding)
            default: break
            }
        }
    }

    private mutating func addNodule(_ found: PresentFinding) {
        let finding = found.finding
        let x: Float = finding.key.uniform(50) < 0.5 ? -0.2 : 0.25
        let y: Float =
            switch finding.zone ?? .middle {
            case .upper: -0.42
            case .middle: -0.1
            case .lower: thorax.leftDomeY - 0.14
            }
        let radius = Float(finding.diameterMillimetres(found.extent)) / 400
        projection.detail.addEllipsoid(
            x: finding.zone == .lower ? 0.25 : x, y: y, halfWidth: radius, halfHeight: radius,
            peak: min(1.2, max(0.65, radius * 10)))
    }

    private mutating func addCentralLine(_ finding: Finding) {
        let start: [SIMD2<Float>] =
            finding.isPeripheral ? [SIMD2(-0.35, -1.0), SIMD2(-0.2, -0.6)] : [SIMD2(0.0, -1.2), SIMD2(-0.02, -0.7)]
        let points = Spline.through(start + [SIMD2(-0.06, -0.4), SIMD2(-0.04, -0.1), SIMD2(-0.04, 0.02)])
        projection.detail.stroke(points, radius: 0.0115, peak: 1.4)
    }

    private mutating func addPacemaker() {
        let case0 = SIMD2(chest.front(-0.35) - 0.02, Float(-0.35))
        PhantomProjection.addGenerator(&projection.detail, centre: case0, halfWidth: 0.04, halfHeight: 0.11)
        let base = thorax.leftDomeY
        for tip in [SIMD2(Float(-0.12), base - 0.28), SIMD2(-0.32 * thorax.heartScale, base - 0.06)] {
            let points = Spline.through([case0, SIMD2(-0.1, -0.5), SIMD2(-0.02, -0.2), SIMD2(-0.03, 0.08), tip])
            projection.detail.stroke(points, radius: 0.009, peak: 1.5)
        }
    }

    private mutating func addWires() {
        for wire in 0..<6 {
            let y = -0.42 + 0.125 * Float(wire)
            let x = chest.front(y) - 0.025
            let loop = [
                SIMD2(x - 0.025, y), SIMD2(x + 0.02, y - 0.012), SIMD2(x + 0.03, y + 0.02), SIMD2(x - 0.03, y + 0.02),
            ]
            projection.detail.stroke(Spline.through(loop), radius: 0.008, peak: 1.9)
        }
    }

    private mutating func addChestTube(_ finding: Finding) {
        let points = Spline.through([
            SIMD2(-0.1, 0.5), SIMD2(0.02, 0.2), SIMD2(0.12, -0.1), SIMD2(0.1, -0.5 - 0.05 * finding.key.uniform(1)),
        ])
        projection.detail.stroke(points, radius: 0.026, peak: 0.6, hollow: true)
        projection.detail.stroke(points, radius: 0.006, peak: 1.2)
    }
}
