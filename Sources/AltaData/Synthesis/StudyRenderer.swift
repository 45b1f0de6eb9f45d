import AltaCore

/// Makes the radiographs of a study. Any thread may render any study: an image depends on seed, patient and visit alone.
public struct StudyRenderer: Sendable {
    /// Pixels on the shorter side.
    public let size: Int
    private let seed: UInt64
    private let noise: NoiseTile

    /// A renderer of images with `size` pixels on the shorter side.
    public init(seed: UInt64, size: Int) {
        self.size = size
        self.seed = seed
        noise = NoiseTile(seed: seed)
    }

    /// The frontal or lateral radiograph of a study.
    public func image(_ study: SyntheticStudy, isFrontal: Bool) -> GreyImage {
        let patient = SyntheticCohort.key(seed: seed, patient: study.patient)
        let own = patient.child(2).child(UInt64(study.visit))
        let anatomy = PhantomAnatomy(key: patient.child(3))
        let thorax = ThoraxState(anatomy: anatomy, findings: study.presentFindings, study: own)
        let exposure = own.child(isFrontal ? 4 : 5)
        let tissue = PhantomProjection.tissue
        let body = isFrontal ? anatomy.bodyDepth : 27 + 2 * anatomy.habitus
        let air = (isFrontal ? anatomy.lungDepth : anatomy.lungDepth + 5) * (1 - PhantomProjection.lungDensity)
        // Automatic exposure: lung comes out dark and the mediastinum bright whatever the patient's thickness.
        let display = RadiographDisplay(
            key: exposure, size: size, dark: tissue * (body - air) + (isFrontal ? 0 : 0.15),
            bright: tissue * body - 0.1,
            isFrontal: isFrontal, noise: noise)
        let projection =
            isFrontal
            ? PhantomFrontal.projection(thorax, study: own, size: size)
            : PhantomLateral.projection(thorax, size: size)
        return display.picture(projection, marker: isFrontal)
    }
}
