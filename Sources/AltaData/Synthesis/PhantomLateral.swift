import AltaCore

/// The lateral projection of a chest.
struct PhantomLateral {
    let thorax: ThoraxState
    let chest: LateralChest
    var projection: PhantomProjection

    /// Projects a chest from its left side.
    static func projection(_ thorax: ThoraxState, size: Int) -> PhantomProjection {
        var lateral = PhantomLateral(
            thorax: thorax, chest: LateralChest(thorax: thorax), projection: PhantomProjection(size: size))
        lateral.addOpacities()
        lateral.addTissue()
        lateral.addBones()
        lateral.addVessels()
        lateral.addDetails()
        return lateral.projection
    }

    private mutating func addTissue() {
        let plane = projection.attenuation
        let columns = (0..<plane.width).map { column in
            let x = plane.coordinate(column)
            return LateralColumn(x: x, rightDome: chest.dome(.right, x), leftDome: chest.dome(.left, x))
        }
        let mottle = ValueNoise(thorax.anatomy.key.child(4))
        for row in 0..<plane.width {
            let line = LateralRow(y: plane.coordinate(row), chest: chest)
            for column in 0..<plane.width {
                let place = row * plane.width + column
                let sample = line.sample(columns[column], opacity: projection.opacity.values[place])
                let texture = mottle.sample(columns[column].x, line.y, frequency: 9) - 0.5
                projection.attenuation.values[place] = sample.attenuation * (1 + 0.03 * texture)
                projection.aeration.values[place] = sample.aeration
            }
        }
    }

    private mutating func addBones() {
        let density = thorax.anatomy.boneDensity
        for rib in 0..<9 {
            let top = thorax.anatomy.apexY + 0.02 + thorax.anatomy.ribSpacing * Float(rib)
            for offset in [Float(0), 0.035] {
                let start = SIMD2(chest.back(top) + 0.02, top + offset)
                let middle = SIMD2(Float(0.12), top + 0.2 + offset)
                let end = SIMD2(chest.front(top + 0.38) + 0.02, top + 0.36 + offset)
                projection.detail.stroke(
                    Spline.through([start, middle, end]), radius: thorax.anatomy.ribHalfHeight * 0.8,
                    peak: 0.18 * density, hollow: true)
            }
        }
        let sternum = (0...8).map { step in
            let y = -0.5 + 0.09 * Float(step)
            return SIMD2(chest.front(y) - 0.025, y)
        }
        projection.detail.stroke(sternum, radius: 0.022, peak: 0.4 * density, hollow: true)
    }

    private mutating func addVessels() {
        var draws = RandomDraws(thorax.anatomy.key.child(12))
        let hilum = SIMD2<Float>(0.03, -0.08)
        projection.vessels.addEllipsoid(x: hilum.x, y: hilum.y, halfWidth: 0.11, halfHeight: 0.13, peak: 0.28)
        for branch in 0..<16 {
            var heading = Float(branch) / 16 * 2 * Float.pi + 0.15 * draws.bell()
            var point = hilum
            var points = [point]
            let length = draws.within(0.25...0.5)
            for _ in 0..<6 {
                heading += 0.2 * draws.bell()
                point +=
                    SIMD2(
                        Float(Double.cosine(Double(heading))), Float(Double.sine(Double(heading)))) * (length / 6)
                points.append(point)
            }
            let radius = draws.within(0.008...0.014) * thorax.vascularity
            projection.vessels.stroke(points, radius: radius, endRadius: radius * 0.4, peak: 0.05 + 12 * radius)
        }
    }
}

/// What a column of a lateral projection needs again and again.
struct LateralColumn {
    let x: Float
    let rightDome: Float
    let leftDome: Float
}

/// One row of a lateral projection.
struct LateralRow {
    let y: Float
    private let anatomy: PhantomAnatomy
    private let thorax: ThoraxState
    private let front: Float
    private let back: Float
    private let depth: Float
    private let spine: Float
    private let spineDepth: Float
    private let wallFront: Float
    private let wallBack: Float
    private let heartY: Float
    private let heartX: Float

    /// The row at height `y`.
    init(y: Float, chest: LateralChest) {
        self.y = y
        thorax = chest.thorax
        anatomy = thorax.anatomy
        front = chest.front(y)
        back = chest.back(y)
        depth = y < anatomy.apexY ? 0 : chest.depth(y)
        spine = chest.spine(y)
        let disc = abs((y / 0.14) - (y / 0.14).rounded())
        spineDepth = 0.65 * anatomy.boneDensity * (1 - 0.45 * (1 - smoothStep(0.07, 0.2, disc)))
        let neck = 0.16 * (1 - smoothStep(-0.95, -0.5, y))
        let breast = anatomy.breastDepth * 0.03 * smoothStep(-0.3, 0.15, y) * (1 - smoothStep(0.25, 0.5, y))
        wallFront = front - 0.08 - 0.03 * max(0, anatomy.habitus) - breast + neck
        wallBack = back + 0.14 + 0.02 * anatomy.habitus - neck * 0.3
        let growth = thorax.heartScale - 1
        heartY = thorax.leftDomeY - 0.19 - 0.1 * growth
        heartX = -0.19 + 0.16 * growth
    }

    /// Attenuation and aeration where the row meets a column.
    func sample(_ column: LateralColumn, opacity: Float) -> (attenuation: Float, aeration: Float) {
        let x = column.x
        guard x > wallFront, x < wallBack else { return (armDepth(x) * PhantomProjection.tissue, 0) }
        let across = 2 * (x - wallFront) / (wallBack - wallFront) - 1
        var tissue =
            (27 + 2 * anatomy.habitus) * (0.5 + 0.5 * smoothStep(-1, -0.5, y))
            * (1 - across * across * across * across).squareRoot()
        tissue = max(tissue, armDepth(x))
        var aeration: Float = 0
        if x > front, x < back, depth > 0 {
            let air = max(0, lungDepth(column) - mediastinum(x)) * (1 - opacity)
            aeration = min(1, air / 12)
            tissue -= air * (1 - PhantomProjection.lungDensity)
        }
        let fromSpine = (x - spine) / 0.085
        let square = fromSpine * fromSpine
        if square < 1 { tissue += spineDepth / PhantomProjection.tissue * (1 - square * square).squareRoot() }
        tissue -= trachea(x)
        return (max(0, tissue) * PhantomProjection.tissue, aeration)
    }

    private func lungDepth(_ column: LateralColumn) -> Float {
        let u = 2 * (column.x - front) / (back - front) - 1
        let profile = (1 - u * u * u * u).squareRoot()
        let right = 1 - smoothStep(-0.012, 0.014, y - column.rightDome)
        let left = 1 - smoothStep(-0.012, 0.014, y - column.leftDome)
        return depth * profile * 0.5 * (right + left)
    }

    private func mediastinum(_ x: Float) -> Float {
        let scale = thorax.heartScale
        let (dx, dy) = (x - heartX, y - heartY)
        let long = (dx * 0.75 + dy * 0.66) / (0.25 * scale)
        let short = (dy * 0.75 - dx * 0.66) / (0.21 * scale)
        var depth = chord(long, short, 11)
        depth = max(depth, chord((x - 0.03) / 0.12, (y + 0.33) / 0.12, 5))
        // Great vessels and tissue between the lungs above the heart.
        depth = max(depth, chord((x + 0.02) / 0.2, max(0, y + 0.15) * 3, 4))
        depth = max(depth, chord((x - spine + 0.1) / 0.07, max(0, -0.25 - y) * 6, 3))
        return depth
    }

    private func trachea(_ x: Float) -> Float {
        guard y < -0.2 else { return 0 }
        let u = (x - 0.09 - 0.14 * (y + 0.2)) / 0.042
        return u * u < 1 ? 3 * (1 - u * u).squareRoot() * (1 - smoothStep(-0.36, -0.2, y)) : 0
    }

    /// The raised arms over the top of the image.
    private func armDepth(_ x: Float) -> Float {
        let shade = 1 - smoothStep(-0.85, -0.45, y + 0.25 * x)
        let u = (x + 0.12) / 0.75
        return u * u < 1 ? 14 * shade * (1 - u * u).squareRoot() : 0
    }

    private func chord(_ u: Float, _ v: Float, _ peak: Float) -> Float {
        let rest = 1 - u * u - v * v
        // Between an ellipsoid and a smooth hump: edges that lie across the beam are soft.
        return rest > 0 ? peak * (0.4 * rest.squareRoot() + 0.6 * rest) : 0
    }
}
