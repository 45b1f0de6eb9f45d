import AltaCore

extension PhantomFrontal {
    /// Ribs, clavicles, scapulae and the heads of the humeri.
    mutating func addBones() {
        for side in BodySide.bilateral.lungs {
            for rib in 0..<10 {
                addPosteriorRib(rib, side)
                if rib < 7 { addAnteriorRib(rib, side) }
            }
            addClavicle(side)
            addScapula(side)
            projection.detail.addEllipsoid(
                x: lungs.imageX(side, 0.95), y: -0.62, halfWidth: 0.13, halfHeight: 0.14,
                peak: 0.9 * thorax.anatomy.boneDensity)
        }
    }

    private func ribTop(_ rib: Int, _ side: BodySide) -> Float {
        thorax.anatomy.apexY + 0.03 + thorax.anatomy.ribSpacing * Float(rib) + (side == .left ? 0.008 : 0)
    }

    private func ribFall(_ rib: Int) -> Float { thorax.anatomy.ribDrop * (0.55 + 0.12 * Float(rib)) }

    /// Where a rib turns from the back to the front: at the side of the chest.
    private func ribSide(_ rib: Int, _ side: BodySide) -> Float {
        let y = ribTop(rib, side) + ribFall(rib)
        return lungs.lateral(side, max(y, thorax.anatomy.apexY + 0.05)) + 0.025
    }

    private mutating func addPosteriorRib(_ rib: Int, _ side: BodySide) {
        let (top, fall, end) = (ribTop(rib, side), ribFall(rib), ribSide(rib, side))
        let height = thorax.anatomy.ribHalfHeight
        addBand(side, from: 0.07, to: end, peak: 0.36 * thorax.anatomy.boneDensity) { distance in
            let t = (distance - 0.07) / (end - 0.07)
            let curve = 1 - (1 - min(1, t * t)).squareRoot()
            let y = top - 0.035 * t * (1 - t) * 4 + fall * (0.35 * t * t + 0.65 * curve)
            return (y, height * (1 + 0.9 * curve))
        }
    }

    private mutating func addAnteriorRib(_ rib: Int, _ side: BodySide) {
        let start = ribTop(rib, side) + ribFall(rib)
        let end = ribSide(rib, side)
        let inner: Float = 0.2 + 0.012 * Float(rib)
        let fall = 0.13 + 0.025 * Float(rib)
        let height = thorax.anatomy.ribHalfHeight * 1.1
        addBand(side, from: inner, to: end, peak: 0.22 * thorax.anatomy.boneDensity) { distance in
            let t = max(0, (end - distance) / (end - inner))
            let bow = (1 - (1 - t) * (1 - t)).squareRoot()
            return (start + fall * (0.45 * bow + 0.55 * t), height * (1 + 0.8 * (1 - bow)))
        }
    }

    private mutating func addClavicle(_ side: BodySide) {
        let rise = thorax.anatomy.clavicleRise
        let height = thorax.anatomy.ribHalfHeight
        addBand(side, from: 0.055, to: 0.8, peak: 0.5 * thorax.anatomy.boneDensity) { distance in
            let t = (distance - 0.055) / 0.745
            let wave = 0.028 * (t - 0.5) * (1 - t) * t * 12
            let head = max(0, 1 - t * 7)
            return (-0.5 - rise * t + wave, height * (1 + 0.7 * head * head))
        }
    }

    /// A bone that runs across: `path` gives the height of its middle and half its own at a distance from the midline.
    private mutating func addBand(
        _ side: BodySide, from: Float, to: Float, peak: Float, _ path: (Float) -> (y: Float, halfHeight: Float)
    ) {
        let ends = [lungs.imageX(side, from), lungs.imageX(side, to)].sorted()
        let (scale, width) = (projection.detail.scale, projection.detail.width)
        for column in projection.detail.places(ends[0], ends[1]) {
            let distance = lungs.distance(projection.detail.coordinate(column))
            let (y, halfHeight) = path(distance)
            let fade = min(1, (distance - from) / 0.04) * min(1, (to - distance) / 0.008 + 0.3)
            let rows = projection.detail.places(y - halfHeight, y + halfHeight)
            projection.detail.values.withUnsafeMutableBufferPointer { values in
                for row in rows {
                    let v = ((Float(row) + 0.5) / scale - PhantomPlane.reach - y) / halfHeight
                    let rest = max(0, 1 - v * v)
                    // A tube: the cortex is thickest, along the beam, just inside the edge.
                    let wall = rest.squareRoot() * (0.5 + 1.3 * v * v * v * v)
                    values[row * width + column] += peak * fade * wall
                }
            }
        }
    }

    private mutating func addScapula(_ side: BodySide) {
        let inner = thorax.anatomy.chestHalfWidth + 0.02 - thorax.anatomy.scapulaOverlap
        let ends = [lungs.imageX(side, inner - 0.12), lungs.imageX(side, inner + 0.3)].sorted()
        let lungs = self.lungs
        let density = thorax.anatomy.boneDensity
        projection.detail.paint(x: ends[0]...ends[1], y: -0.62...0.05) { x, y, value in
            let t = (y + 0.62) / 0.67
            let border = inner - 0.09 + 0.13 * t * t
            let outer = inner + 0.24 - 0.2 * t
            let fromBorder = lungs.distance(x) - border
            let toOuter = outer - lungs.distance(x)
            guard fromBorder > 0, toOuter > 0 else { return }
            let ends = smoothStep(0, 0.08, t) * smoothStep(0, 0.03, 1 - t)
            let cortex = smoothStep(0, 0.012, fromBorder) * (1 - smoothStep(0.012, 0.03, fromBorder))
            let rim = smoothStep(0, 0.012, toOuter) * (1 - smoothStep(0.012, 0.04, toOuter))
            value += density * ends * (0.14 * smoothStep(0, 0.02, min(fromBorder, toOuter)) + 0.14 * (cortex + rim))
        }
    }
}
