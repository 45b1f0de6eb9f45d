/// A square of samples over the phantom: x to the image's right and y down, both in -reach...reach, where 1 is half the
/// shorter side of the radiograph (20 cm of patient).
struct PhantomPlane {
    /// How far the plane reaches; beyond 1 so that rotation and shift find something there.
    static let reach: Float = 1.25

    /// Samples per unit.
    let scale: Float
    /// Samples in a row, and rows.
    let width: Int
    /// The samples, row by row.
    var values: [Float]

    /// A plane of zeros.
    init(scale: Float) {
        self.scale = scale
        width = Int((2 * PhantomPlane.reach * scale).rounded(.up))
        values = [Float](repeating: 0, count: width * width)
    }

    /// The coordinate of the centre of a column or row.
    func coordinate(_ place: Int) -> Float { (Float(place) + 0.5) / scale - PhantomPlane.reach }

    /// The columns or rows whose centres lie in a range.
    func places(_ low: Float, _ high: Float) -> Range<Int> {
        let first = Int(((low + PhantomPlane.reach) * scale - 0.5).rounded(.up))
        let last = Int(((high + PhantomPlane.reach) * scale - 0.5).rounded(.down))
        let start = min(width, max(0, first))
        return start..<min(width, max(start, last + 1))
    }

    /// Visits the samples of a box; `change` gets x, y and the sample.
    mutating func paint(
        x: ClosedRange<Float>, y: ClosedRange<Float>, _ change: (Float, Float, inout Float) -> Void
    ) {
        let columns = places(x.lowerBound, x.upperBound)
        let rows = places(y.lowerBound, y.upperBound)
        let (scale, width) = (self.scale, self.width)
        values.withUnsafeMutableBufferPointer { values in
            for row in rows {
                let yHere = (Float(row) + 0.5) / scale - PhantomPlane.reach
                for column in columns {
                    let xHere = (Float(column) + 0.5) / scale - PhantomPlane.reach
                    change(xHere, yHere, &values[row * width + column])
                }
            }
        }
    }

    /// Lays a fraction 0...1 over the fractions that are there, as one veil over another.
    mutating func veil(x: ClosedRange<Float>, y: ClosedRange<Float>, _ fraction: (Float, Float) -> Float) {
        paint(x: x, y: y) { x, y, value in value = 1 - (1 - value) * (1 - fraction(x, y)) }
    }

    /// Adds the thickness of an ellipsoid, `peak` in its middle.
    mutating func addEllipsoid(x: Float, y: Float, halfWidth: Float, halfHeight: Float, peak: Float) {
        paint(x: x - halfWidth...x + halfWidth, y: y - halfHeight...y + halfHeight) { px, py, value in
            let (u, v) = ((px - x) / halfWidth, (py - y) / halfHeight)
            let rest = 1 - u * u - v * v
            if rest > 0 { value += peak * rest.squareRoot() }
        }
    }

    /// Draws a line through `points` with the thickness of a solid cylinder, or a hollow tube with bright walls; where
    /// it meets what is there, the larger stays, so that joints and crossings show no beads.
    mutating func stroke(
        _ points: [SIMD2<Float>], radius: Float, endRadius: Float? = nil, peak: Float, hollow: Bool = false
    ) {
        guard points.count > 1 else { return }
        let last = Float(points.count - 1)
        let end = endRadius ?? radius
        for index in 1..<points.count {
            let r = radius + (end - radius) * (Float(index) - 0.5) / last
            strokeSegment(points[index - 1], points[index], radius: r, peak: peak, hollow: hollow)
        }
    }

    private mutating func strokeSegment(
        _ a: SIMD2<Float>, _ b: SIMD2<Float>, radius: Float, peak: Float, hollow: Bool
    ) {
        // A line thinner than a sample is drawn a sample wide and fainter.
        let thinnest = 0.75 / scale
        let r = max(radius, thinnest)
        let height = radius < thinnest ? peak * radius / thinnest : peak
        let step = b - a
        let lengthSquared = max(1e-9, (step * step).sum())
        let (x, y) = (min(a.x, b.x) - r...max(a.x, b.x) + r, min(a.y, b.y) - r...max(a.y, b.y) + r)
        paint(x: x, y: y) { px, py, value in
            let from = SIMD2(px, py) - a
            let along = min(1, max(0, (from * step).sum() / lengthSquared))
            let away = from - step * along
            let q = (away * away).sum() / (r * r)
            guard q < 1 else { return }
            let solid = (1 - q).squareRoot()
            value = max(value, height * (hollow ? solid * (0.45 + 1.1 * q) : solid))
        }
    }
}

/// 0 below `low`, 1 above `high`, smooth between.
func smoothStep(_ low: Float, _ high: Float, _ x: Float) -> Float {
    let t = min(1, max(0, (x - low) / (high - low)))
    return t * t * (3 - 2 * t)
}
