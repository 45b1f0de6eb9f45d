import AltaCore
import AltaData
import AltaFormats

private let inspectCommand = CommandDescription(
    name: "alta-data inspect", summary: "Write what the model's image transforms make of one radiograph.",
    positionals: [PositionalArgument("IMAGE", "a JPEG, PNG or DICOM file")],
    options: [
        .value(
            "--augmentation", name: "JSON",
            "apply the training transform with these parameters: angle, translate [x, y], scale, shear [x, y], "
                + "brightness, contrast, contrast_first; without it, the evaluation transform"),
        .value("--size", name: "PIXELS", "side of the result (224; with --augmentation 448)"),
        .value(
            "--dicom-scaling", name: "SCALING",
            "how DICOM pixels become 8 bits: published (x 255 / max, the default), or mimic (as MIMIC-CXR-JPG was made)"
        ),
        .value("--output", name: "OUT.safetensors", "where to write the key `image`, U8, grey, [size, size]"),
    ],
    example: "alta-data inspect frontal.jpg --augmentation '{\"angle\": 5}' --output frontal.safetensors")

/// `alta-data inspect`: one radiograph through the evaluation or the training transform, before normalisation.
///
/// Throws `AltaError` for wrong usage, an unusable image and a file that cannot be written.
func runInspect(arguments: [String]) throws {
    let parsed = try inspectCommand.parse(arguments)
    if parsed.wantsHelp { return print(inspectCommand.help, terminator: "") }
    let output = try parsed.required("--output")
    let augmentation = try parsed.value("--augmentation").map(augmentation)
    let size = try parsed.int("--size", in: 1...8192)
    let scaling = try parsed.choice("--dicom-scaling", DicomScaling.self) ?? .published
    let raster = try ImageDecoder.decode(path: parsed.positionals[0], dicomScaling: scaling)
    let grey =
        if let augmentation {
            ImagePipeline.training(raster, side: size ?? 448, augmentation: augmentation)
        } else {
            ImagePipeline.evaluation(raster, imageSize: size ?? 224)
        }
    try SafetensorsWriter.write([.bytes("image", shape: [grey.height, grey.width], grey.pixels)], to: output)
}

/// The parameters in the text of `--augmentation`; whatever is wrong with it is wrong usage.
private func augmentation(_ text: String) throws -> Augmentation {
    do {
        return try Augmentation(json: JSONValue(parsing: text))
    } catch var error as AltaError {
        error.exitCode = .usage
        throw error
    }
}
