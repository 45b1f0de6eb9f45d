import AltaCore

/// What of a patient's chest is the same in every study and both projections. Lengths in units of 20 cm (see
/// `PhantomPlane`), thicknesses along the beam in centimetres of soft tissue.
struct PhantomAnatomy {
    /// The patient's stream.
    let key: RandomKey
    /// Slender (-2) to heavy (2).
    let habitus: Float
    /// Half the width of the chest inside the ribs at its widest.
    let chestHalfWidth: Float
    /// The top of the lungs.
    let apexY: Float
    /// The top of the right hemidiaphragm; the left is lower by `domeDifference`.
    let domeY: Float
    let domeDifference: Float
    /// From the top of a dome down to the costophrenic angle.
    let sulcusDepth: Float
    /// Air-filled lung along a frontal beam.
    let lungDepth: Float
    /// The body along a frontal beam.
    let bodyDepth: Float
    /// Half the long and short axis of the heart, and its tilt in radians.
    let heartLength: Float
    let heartBreadth: Float
    let heartTilt: Float
    let aorticKnobRadius: Float
    /// From rib to rib, how far ribs fall from spine to side, half their height.
    let ribSpacing: Float
    let ribDrop: Float
    let ribHalfHeight: Float
    /// How strongly bones attenuate, about 1.
    let boneDensity: Float
    /// 0 without breast shadows.
    let breastDepth: Float
    let clavicleRise: Float
    /// How far the scapulae reach over the lungs.
    let scapulaOverlap: Float
    let spineCurve: Float
    /// Half the width of the gas bubble of the stomach; 0 without.
    let gasBubble: Float

    /// Draws a patient.
    init(key: RandomKey) {
        var draws = RandomDraws(key.child(0))
        self.key = key
        habitus = min(2, max(-2, draws.bell()))
        chestHalfWidth = 0.65 + 0.02 * habitus + 0.015 * draws.bell()
        apexY = -0.73 + 0.02 * draws.bell()
        domeY = 0.40 - 0.025 * habitus + 0.03 * draws.bell()
        domeDifference = draws.within(0.0...0.06)
        sulcusDepth = draws.within(0.15...0.2)
        lungDepth = 15 - 0.3 * habitus + 0.6 * draws.bell()
        bodyDepth = 21.5 + 1.3 * habitus + 0.5 * draws.bell()
        heartLength = 0.285 + 0.012 * draws.bell()
        heartBreadth = 0.225 + 0.01 * draws.bell()
        heartTilt = draws.within(0.45...0.8)
        aorticKnobRadius = draws.within(0.06...0.095)
        ribSpacing = 0.112 + 0.004 * draws.bell()
        ribDrop = draws.within(0.1...0.2)
        ribHalfHeight = draws.within(0.021...0.028)
        boneDensity = draws.within(0.8...1.2)
        breastDepth = draws.chance(0.5) ? draws.within(1.5...3.5) + 0.7 * max(0, habitus) : 0
        clavicleRise = draws.within(0.06...0.17)
        scapulaOverlap = draws.within(-0.06...0.1)
        spineCurve = 0.012 * draws.bell()
        gasBubble = draws.chance(0.7) ? draws.within(0.07...0.14) : 0
    }
}

/// A patient's chest as one study finds it: breath, and what findings do to the shape of organs.
struct ThoraxState {
    /// What stays.
    let anatomy: PhantomAnatomy
    /// What is found.
    let findings: [PresentFinding]
    /// The top of the right and left hemidiaphragm.
    let rightDomeY: Float
    let leftDomeY: Float
    /// The heart's size, 1 = normal.
    let heartScale: Float
    /// The middle of the mediastinum: rotation of the patient, and push by an effusion or air.
    let midline: Float
    /// The width of lung vessels, 1 = normal.
    let vascularity: Float

    /// Derives the shape from the findings; `study` is the study's stream.
    init(anatomy: PhantomAnatomy, findings: [PresentFinding], study: RandomKey) {
        var draws = RandomDraws(study.child(1))
        let breath = 0.02 * draws.bell()
        var (right, left) = (anatomy.domeY + breath, anatomy.domeY + anatomy.domeDifference + breath)
        var (scale, push, vessels): (Float, Float, Float) = (1, 0.012 * draws.bell(), 1)
        for found in findings {
            let size = found.extent.fraction
            for side in found.finding.side.lungs {
                let away: Float = side == .left ? -1 : 1
                switch found.finding.kind {
                case .atelectasis:
                    if side == .right { right -= 0.1 * size } else { left -= 0.1 * size }
                case .effusion where found.extent == .large: push += 0.035 * away
                case .pneumothorax where found.extent == .large: push += 0.06 * away
                default: break
                }
            }
            if found.finding.kind == .cardiomegaly { scale = 1.03 + 0.6 * size }
            if found.finding.kind == .edema { vessels = 1 + 0.7 * size }
        }
        self.anatomy = anatomy
        self.findings = findings
        (rightDomeY, leftDomeY, heartScale, midline, vascularity) = (right, left, scale, push, vessels)
    }
}

/// A finding and how much of it an image shows: at least a little.
struct PresentFinding {
    /// Which.
    let finding: Finding
    /// How much.
    let extent: FindingExtent
}

extension SyntheticStudy {
    /// What the study's own images show.
    var presentFindings: [PresentFinding] {
        present.map { PresentFinding(finding: $0.finding, extent: $0.extent) }
    }
}
