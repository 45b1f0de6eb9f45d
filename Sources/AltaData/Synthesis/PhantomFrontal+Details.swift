import AltaCore

extension PhantomFrontal {
    /// What is small and sharp: nodules, pleural lines, hardware.
    mutating func addDetails() {
        for found in thorax.findings {
            switch found.finding.kind {
            case .nodule: addNodule(found)
            case .pneumothorax: addPleuralLine(found)
            case .endotrachealTube: addEndotrachealTube(found.finding)
            case .centralLine: addCentralLine(found.finding)
            case .pacemaker: addPacemaker(found.finding)
            case .sternotomyWires: addSternotomyWires(found.finding)
            case .chestTube: addChestTube(found.finding)
            default: break
            }
        }
    }

    /// A round mass in a zone, away from the heart.
    private mutating func addNodule(_ found: PresentFinding) {
        let finding = found.finding
        var draws = RandomDraws(finding.key.child(1))
        let y: Float =
            switch finding.zone ?? .middle {
            case .upper: -0.42
            case .middle: -0.1
            case .lower: lungs.domeTop(finding.side) - 0.12
            }
        let distance = 0.45 + 0.03 * draws.bell() - (finding.zone == .upper ? 0.08 : 0)
        let radius = Float(finding.diameterMillimetres(found.extent)) / 400
        // 1.7 times a sphere of water's attenuation, so that 16 mm still show at 224 pixels.
        let peak = 2.2 * PhantomProjection.tissue * radius * 20 * 2 * 0.75
        projection.detail.addEllipsoid(
            x: lungs.imageX(finding.side, distance), y: y + 0.02 * draws.bell(), halfWidth: radius,
            halfHeight: radius * draws.within(0.85...1.1), peak: min(1.5, max(0.75, peak)))
    }

    private mutating func addPleuralLine(_ found: PresentFinding) {
        let side = found.finding.side
        let (inset, drop) = FrontalLungs.collapse(found.extent)
        let top = thorax.anatomy.apexY + drop + 0.004
        let bottom = min(lungs.baseY(side), lungs.domeTop(side) + 0.05)
        var points: [SIMD2<Float>] = []
        for step in 0...32 {
            let t = Float(step) / 32
            let y = top + (bottom - top) * t * t * t
            points.append(SIMD2(lungs.imageX(side, lungs.lateral(side, y, apexDrop: drop, inset: inset)), y))
        }
        for step in 1...8 where found.extent > .small {
            let y = top + 0.28 * Float(step * step) / 64
            let distance = max(0.13, lungs.medial(y, apexDrop: drop, inset: inset))
            points.insert(SIMD2(lungs.imageX(side, distance), y), at: 0)
        }
        projection.detail.stroke(points, radius: 0.0065, peak: 0.32)
    }

    private mutating func addEndotrachealTube(_ finding: Finding) {
        let x = thorax.midline - 0.01
        let tip = -0.38 + 0.03 * finding.key.uniform(1)
        let points = [SIMD2(x + 0.03, -1.2), SIMD2(x + 0.012, -0.8), SIMD2(x, -0.6), SIMD2(x, tip)]
        projection.detail.stroke(points, radius: 0.026, peak: 1.1, hollow: true)
        projection.detail.stroke(points.map { $0 + SIMD2(0.012, 0) }, radius: 0.006, peak: 1.6)
    }

    private mutating func addCentralLine(_ finding: Finding) {
        let side = finding.side
        let tip = SIMD2(thorax.midline - 0.085, 0.0 + 0.06 * finding.key.uniform(1))
        let confluence = SIMD2(thorax.midline - 0.08, Float(-0.3))
        var points: [SIMD2<Float>]
        if finding.isPeripheral {
            points = [
                SIMD2(lungs.imageX(side, 1.1), 0.15), SIMD2(lungs.imageX(side, 0.9), -0.15),
                SIMD2(lungs.imageX(side, 0.72), -0.4), SIMD2(lungs.imageX(side, 0.45), -0.49),
                SIMD2(lungs.imageX(side, 0.2), -0.44),
            ]
        } else {
            points = [
                SIMD2(lungs.imageX(side, 0.3), -1.0), SIMD2(lungs.imageX(side, 0.2), -0.8),
                SIMD2(lungs.imageX(side, 0.15), -0.55), SIMD2(lungs.imageX(side, 0.11), -0.45),
            ]
        }
        points += [confluence, (confluence + tip) * 0.5 - SIMD2(0.008, 0), tip]
        projection.detail.stroke(Spline.through(points), radius: 0.0115, peak: 1.5)
    }

    private mutating func addPacemaker(_ finding: Finding) {
        let side = finding.side
        let centre = SIMD2(lungs.imageX(side, 0.5), Float(-0.38))
        PhantomProjection.addGenerator(&projection.detail, centre: centre, halfWidth: 0.125, halfHeight: 0.095)
        let entry = SIMD2(lungs.imageX(side, 0.2), Float(-0.5))
        let heartY = thorax.leftDomeY
        let cava = SIMD2(thorax.midline - 0.08, Float(-0.28))
        let atrium = [
            SIMD2(thorax.midline - 0.09, Float(0.05)), SIMD2(thorax.midline - 0.06, heartY - 0.2),
            SIMD2(thorax.midline - 0.11, heartY - 0.27),
        ]
        let ventricle = [
            SIMD2(thorax.midline - 0.07, Float(0.1)), SIMD2(thorax.midline - 0.02, heartY - 0.09),
            SIMD2(thorax.midline + 0.24 * thorax.heartScale, heartY - 0.04),
        ]
        for lead in [atrium, ventricle] {
            projection.detail.stroke(Spline.through([centre, entry, cava] + lead), radius: 0.009, peak: 1.5)
        }
    }

    private mutating func addSternotomyWires(_ finding: Finding) {
        for wire in 0..<6 {
            let y = -0.38 + 0.125 * Float(wire)
            let x = thorax.midline + 0.012 * (finding.key.uniform(wire) - 0.5)
            let loop: [SIMD2<Float>] = [
                SIMD2(x + 0.01, y + 0.012), SIMD2(x - 0.05, y + 0.004), SIMD2(x - 0.055, y - 0.022),
                SIMD2(x, y - 0.03), SIMD2(x + 0.055, y - 0.02), SIMD2(x + 0.05, y + 0.004), SIMD2(x - 0.01, y + 0.014),
                SIMD2(x + 0.012, y + 0.04),
            ]
            projection.detail.stroke(Spline.through(loop), radius: 0.0095, peak: 2.2)
        }
    }

    private mutating func addChestTube(_ finding: Finding) {
        let side = finding.side
        let key = finding.key
        let points = Spline.through([
            SIMD2(lungs.imageX(side, 0.95), 0.34), SIMD2(lungs.imageX(side, thorax.anatomy.chestHalfWidth), 0.14),
            SIMD2(lungs.imageX(side, 0.5), -0.05), SIMD2(lungs.imageX(side, 0.38), -0.3),
            SIMD2(lungs.imageX(side, 0.3), -0.5 - 0.06 * key.uniform(1)),
        ])
        projection.detail.stroke(points, radius: 0.026, peak: 0.65, hollow: true)
        projection.detail.stroke(points.map { $0 + SIMD2(0, 0.014) }, radius: 0.006, peak: 1.3)
    }
}

extension PhantomProjection {
    /// The generator of a pacemaker: a metal case with rounded corners.
    static func addGenerator(
        _ plane: inout PhantomPlane, centre: SIMD2<Float>, halfWidth: Float, halfHeight: Float
    ) {
        let (x, y) = (centre.x - halfWidth...centre.x + halfWidth, centre.y - halfHeight...centre.y + halfHeight)
        plane.paint(x: x, y: y) { px, py, value in
            let (u, v) = ((px - centre.x) / halfWidth, (py - centre.y) / halfHeight)
            let q = u * u * u * u + v * v * v * v
            guard q < 1 else { return }
            value = max(value, v < -0.55 ? 1.4 : 2.4 + 0.8 * (abs(u) < 0.4 ? 1 : 0))
        }
    }
}

/// Smooth curves (Catmull-Rom).
enum Spline {
    /// A curve through points, six pieces between two.
    static func through(_ points: [SIMD2<Float>]) -> [SIMD2<Float>] {
        guard points.count > 2 else { return points }
        var curve = [points[0]]
        for index in 1..<points.count {
            let (b, c) = (points[index - 1], points[index])
            let a = index > 1 ? points[index - 2] : b + (b - c)
            let d = index + 1 < points.count ? points[index + 1] : c + (c - b)
            for piece in 1...6 {
                let t = Float(piece) / 6
                let linear = (c - a) * t
                let square = (a * 2 - b * 5 + c * 4 - d) * (t * t)
                let cube = (b * 3 - a - c * 3 + d) * (t * t * t)
                curve.append((b * 2 + linear + square + cube) * 0.5)
            }
        }
        return curve
    }
}
