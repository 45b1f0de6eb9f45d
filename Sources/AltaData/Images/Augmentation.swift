import AltaCore

/// The parameters of the training transform for an image of known side (torchvision's names and units).
public struct Augmentation: Equatable, Sendable {
    /// Rotation in degrees, clockwise as seen (torchvision's sign).
    public var angle: Double
    /// Shift to the right in pixels.
    public var translateX: Int
    /// Shift downwards in pixels.
    public var translateY: Int
    /// Enlargement about the centre.
    public var scale: Double
    /// Shear along x in degrees.
    public var shearX: Double
    /// Shear along y in degrees (0 in the published recipe).
    public var shearY: Double
    /// Brightness factor.
    public var brightness: Double
    /// Contrast factor.
    public var contrast: Double
    /// Whether contrast changes before brightness.
    public var contrastFirst: Bool

    /// Stores the parameters; the defaults change nothing.
    public init(
        angle: Double = 0, translateX: Int = 0, translateY: Int = 0, scale: Double = 1, shearX: Double = 0,
        shearY: Double = 0, brightness: Double = 1, contrast: Double = 1, contrastFirst: Bool = false
    ) {
        precondition(scale > 0, "scale \(scale), expected more than 0")
        self.angle = angle
        self.translateX = translateX
        self.translateY = translateY
        self.scale = scale
        self.shearX = shearX
        self.shearY = shearY
        self.brightness = brightness
        self.contrast = contrast
        self.contrastFirst = contrastFirst
    }

    /// The published random draw for an image of `side` pixels a side.
    public static func draw(key: RandomKey, side: Int) -> Augmentation { AugmentationDraw(key: key).at(side: side) }
}

/// One random draw of the training transform, shared by the views of a study that show the same projection.
///
/// Translations are fractions, so that the current frontal (twice the side) and the prior one move alike.
public struct AugmentationDraw: Equatable, Sendable {
    /// Largest rotation in degrees, both ways.
    public static let largestAngle = 20.0
    /// Largest translation as a fraction of the side, both ways.
    public static let largestTranslation = 0.1
    /// Smallest and largest enlargement.
    public static let scales = 0.95...1.05
    /// Largest shear along x in degrees, both ways.
    public static let largestShear = 10.0
    /// Smallest and largest factor of brightness and of contrast.
    public static let factors = 0.8...1.2

    /// Shift to the right as a fraction of the side.
    public let translationX: Double
    /// Shift downwards as a fraction of the side.
    public let translationY: Double
    private let rest: Augmentation

    /// Draws the published distribution; element e of the stream makes the e-th parameter in the order angle,
    /// translation x, translation y, scale, shear, brightness, contrast, order.
    public init(key: RandomKey) {
        func uniform(_ element: Int, _ range: ClosedRange<Double>) -> Double {
            range.lowerBound + (range.upperBound - range.lowerBound) * key.uniformDouble(element)
        }
        func symmetric(_ element: Int, _ largest: Double) -> Double { uniform(element, -largest...largest) }
        translationX = symmetric(1, AugmentationDraw.largestTranslation)
        translationY = symmetric(2, AugmentationDraw.largestTranslation)
        rest = Augmentation(
            angle: symmetric(0, AugmentationDraw.largestAngle),
            scale: uniform(3, AugmentationDraw.scales), shearX: symmetric(4, AugmentationDraw.largestShear),
            brightness: uniform(5, AugmentationDraw.factors), contrast: uniform(6, AugmentationDraw.factors),
            contrastFirst: key.uniformDouble(7) < 0.5)
    }

    /// The parameters for an image of `side` pixels a side: the translation becomes whole pixels.
    public func at(side: Int) -> Augmentation {
        var augmentation = rest
        augmentation.translateX = Int((translationX * Double(side)).rounded(.toNearestOrEven))
        augmentation.translateY = Int((translationY * Double(side)).rounded(.toNearestOrEven))
        return augmentation
    }
}
