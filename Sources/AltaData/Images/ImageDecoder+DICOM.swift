import AltaCore

extension ImageDecoder {
    /// Bytes before the letters that a DICOM file has at its beginning.
    private static let preambleByteCount = 128

    /// Whether the letters DICM stand behind the preamble. Files without one are not recognised: nothing tells them from
    /// other files.
    static func isDICOM(_ bytes: [UInt8]) -> Bool {
        bytes.dropFirst(preambleByteCount).starts(with: "DICM".utf8)
    }

    static func decodeDICOM(_ bytes: [UInt8], _ name: String, _ scaling: DicomScaling) throws -> RasterRGB {
        try bytes.withUnsafeBytes { content in
            let file = try DICOMFile(content, name: name)
            guard let pixels = scaling.pixels(stored: try file.storedPixels(), isInverted: file.isInverted) else {
                throw AltaError(
                    "DICOM pixels cannot be scaled by their maximum", why: "none of them is above zero",
                    remedy: "set data.dicom_scaling to mimic, or leave the file out", file: name)
            }
            return RasterRGB(channels: 1, height: file.height, width: file.width, pixels: pixels)
        }
    }
}
