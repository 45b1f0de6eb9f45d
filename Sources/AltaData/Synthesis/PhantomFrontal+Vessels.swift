import AltaCore

extension PhantomFrontal {
    /// The pulmonary vessels: trees that leave the hila and thin out towards the periphery.
    mutating func addVessels() {
        for side in BodySide.bilateral.lungs {
            var draws = RandomDraws(thorax.anatomy.key.child(side == .left ? 11 : 10))
            let hilum = SIMD2(lungs.imageX(side, 0.15), side == .left ? Float(-0.12) : -0.07)
            let out: Float = side == .left ? 1 : -1
            let directions: [Float] = [-1.35, -1.0, -0.6, -0.2, 0.2, 0.55, 0.9, 1.2, 1.45]
            for direction in directions {
                let angle = direction + 0.08 * draws.bell()
                let isMain = abs(direction) > 0.8
                addBranch(
                    from: hilum, angle: angle, out: out, radius: (isMain ? 0.017 : 0.012) * thorax.vascularity,
                    length: draws.within(0.3...0.46), depth: 0, &draws)
            }
            addHilum(hilum, out: out)
        }
    }

    private mutating func addHilum(_ hilum: SIMD2<Float>, out: Float) {
        let size = 0.8 + 0.2 * thorax.vascularity
        projection.vessels.addEllipsoid(
            x: hilum.x, y: hilum.y + 0.03, halfWidth: 0.085 * size, halfHeight: 0.13 * size, peak: 0.2)
        projection.vessels.stroke(
            [hilum, hilum + SIMD2(0.05 * out, 0.12), hilum + SIMD2(0.07 * out, 0.27)], radius: 0.032 * size,
            endRadius: 0.018 * size, peak: 0.3)
    }

    private mutating func addBranch(
        from start: SIMD2<Float>, angle: Float, out: Float, radius: Float, length: Float, depth: Int,
        _ draws: inout RandomDraws
    ) {
        let steps = 6
        var (point, heading) = (start, angle)
        var points = [start]
        var buds: [(SIMD2<Float>, Float)] = []
        for step in 1...steps {
            heading += 0.17 * draws.bell()
            let cosine = Float(Double.cosine(Double(heading)))
            let sine = Float(Double.sine(Double(heading)))
            point += SIMD2(out * cosine, sine) * (length / Float(steps))
            points.append(point)
            if step > 1 && step < steps { buds.append((point, heading)) }
        }
        let peak = min(0.34, 0.05 + 13 * radius)
        projection.vessels.stroke(points, radius: radius, endRadius: radius * 0.5, peak: peak)
        guard depth < 2 else { return }
        for (place, (bud, heading)) in buds.enumerated() where draws.chance(depth == 0 ? 0.85 : 0.5) {
            let turn = draws.within(0.4...0.8) * (place % 2 == 0 ? 1 : -1)
            addBranch(
                from: bud, angle: heading + turn, out: out, radius: radius * 0.55,
                length: length * draws.within(0.4...0.6), depth: depth + 1, &draws)
        }
    }
}
