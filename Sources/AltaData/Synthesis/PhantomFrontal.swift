import AltaCore

/// The frontal projection of a chest: layers of tissue and air along the beam, summed.
struct PhantomFrontal {
    let thorax: ThoraxState
    let lungs: FrontalLungs
    let study: RandomKey
    var projection: PhantomProjection

    /// Projects a chest; `study` is the study's stream.
    static func projection(_ thorax: ThoraxState, study: RandomKey, size: Int) -> PhantomProjection {
        var frontal = PhantomFrontal(
            thorax: thorax, lungs: FrontalLungs(thorax), study: study, projection: PhantomProjection(size: size))
        frontal.addOpacities()
        frontal.addTissue()
        frontal.addBones()
        frontal.addVessels()
        frontal.addDetails()
        return frontal.projection
    }

    /// Sums body, lungs and mediastinum along the beam, row by row.
    private mutating func addTissue() {
        let plane = projection.attenuation
        let columns = (0..<plane.width).map { FrontalColumn(x: plane.coordinate($0), lungs: lungs) }
        let collapse = pneumothorax
        let mottle = ValueNoise(thorax.anatomy.key.child(3))
        for row in 0..<plane.width {
            let line = FrontalRow(y: plane.coordinate(row), lungs: lungs, collapse: collapse)
            for column in 0..<plane.width {
                let place = row * plane.width + column
                let opacity = projection.opacity.values[place]
                let sample = line.sample(columns[column], opacity: opacity)
                let texture = mottle.sample(columns[column].x, line.y, frequency: 9) - 0.5
                projection.attenuation.values[place] = sample.attenuation * (1 + 0.03 * texture)
                projection.aeration.values[place] = sample.aeration
            }
        }
    }

    private var pneumothorax: PresentFinding? {
        thorax.findings.first { $0.finding.kind == .pneumothorax }
    }
}

/// What a column of a frontal projection needs again and again.
struct FrontalColumn {
    let x: Float
    /// From the midline, and on which side.
    let distance: Float
    let side: BodySide
    /// The height of the diaphragm.
    let dome: Float

    init(x: Float, lungs: FrontalLungs) {
        self.x = x
        distance = lungs.distance(x)
        side = x < lungs.thorax.midline ? .right : .left
        dome = lungs.dome(side, min(distance, lungs.thorax.anatomy.chestHalfWidth))
    }
}
