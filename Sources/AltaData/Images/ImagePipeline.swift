/// The published image transforms of both stages, from a decoded radiograph to the 8-bit grey image before normalisation.
///
/// `cropped` is the same in every epoch and may be cached; `augmented` is what training adds.
public enum ImagePipeline {
    /// The shorter side that a crop of `side` is cut from: 256 for 224, 512 for 448, in general `side` x 8/7 rounded.
    public static func resizedSide(forCrop side: Int) -> Int { (16 * side + 7) / 14 }

    /// The deterministic part: the shorter side resized (torchvision's `resize`, bicubic, antialiased), the centre of
    /// `side` x `side` cropped (`center_crop`).
    public static func cropped(_ raster: RasterRGB, side: Int) -> RasterRGB {
        precondition(side > 0, "side \(side), expected more than 0")
        let short = resizedSide(forCrop: side)
        let long = min(raster.height, raster.width) == raster.height ? raster.width : raster.height
        let longer = Int(Double(short * long) / Double(min(raster.height, raster.width)))
        let (height, width) = raster.width <= raster.height ? (longer, short) : (short, longer)
        return ResampleBicubic.resize(
            raster, height: height, width: width, rows: centre(side, of: height), columns: centre(side, of: width))
    }

    /// The random part: affine, then brightness and contrast in the drawn order, then grey.
    public static func augmented(_ cropped: RasterRGB, _ augmentation: Augmentation) -> GreyImage {
        TransformAffine(augmentation, height: cropped.height, width: cropped.width).apply(to: cropped)
            .adjusted(augmentation)
    }

    /// The evaluation transform of a model with inputs of `imageSize` pixels a side: `[imageSize, imageSize]`.
    public static func evaluation(_ raster: RasterRGB, imageSize: Int = 224) -> GreyImage {
        cropped(raster, side: imageSize).grey
    }

    /// The training transform: `[side, side]`, where `side` is twice the model's input for the current frontal (the
    /// reconstruction target) and the model's input for the other views.
    public static func training(_ raster: RasterRGB, side: Int, augmentation: Augmentation) -> GreyImage {
        augmented(cropped(raster, side: side), augmentation)
    }

    /// The pretraining transform: the box cut out and resized to `[side, side]` (bicubic, antialiased), mirrored or not, grey.
    /// `side` is that of the reconstruction target.
    ///
    /// The box must lie within the raster. Source: torchvision's `resized_crop`, `hflip` and Pillow's `convert("L")`.
    public static func pretraining(_ raster: RasterRGB, side: Int, crop: CropAugmentation) -> GreyImage {
        let box = raster.cut(
            rows: crop.top..<(crop.top + crop.height), columns: crop.left..<(crop.left + crop.width))
        let grey = ResampleBicubic.resize(box, height: side, width: side).grey
        return crop.isMirrored ? grey.mirrored : grey
    }

    /// The central positions; a half is rounded to even, as Python's `round` does.
    private static func centre(_ side: Int, of size: Int) -> Range<Int> {
        let start = Int((Double(size - side) / 2).rounded(.toNearestOrEven))
        return start..<(start + side)
    }
}
