/// A projection of the phantom before the detector: what the beam met, as logarithmic attenuation.
struct PhantomProjection {
    /// Soft tissue, air, spine: smooth, at half the image's resolution.
    var attenuation: PhantomPlane
    /// How much of a vessel's contrast is seen: 1 in full lung, 0 where no air surrounds it. Half resolution.
    var aeration: PhantomPlane
    /// The fraction of air that fluid has replaced. Half resolution.
    var opacity: PhantomPlane
    /// Lung vessels and interstitial lines, at the image's resolution.
    var vessels: PhantomPlane
    /// Bones, nodules, hardware, pleural lines, at the image's resolution.
    var detail: PhantomPlane

    /// An empty projection for images of `size` pixels on the shorter side.
    init(size: Int) {
        let coarse = PhantomPlane(scale: Float(size) / 4)
        let fine = PhantomPlane(scale: Float(size) / 2)
        (attenuation, aeration, opacity) = (coarse, coarse, coarse)
        (vessels, detail) = (fine, fine)
    }

    /// Attenuation of soft tissue per centimetre.
    static let tissue: Float = 0.2
    /// The density of inflated lung, as a fraction of tissue's.
    static let lungDensity: Float = 0.27
}
