import AltaData
import AltaTensor

extension PlanarImage {
    /// Copies the patch at (`row`, `column`) in the order of a convolution's weight: channel, then row, then column.
    ///
    /// - Parameter target: `3 side²` numbers; a grey image gives its one channel three times.
    func copyEncoderPatch(row: Int, column: Int, side: Int, into target: UnsafeMutablePointer<Float>) {
        for channel in 0..<3 {
            let plane = min(channel, channels - 1) * height * width
            for y in 0..<side {
                let source = plane + (row * side + y) * width + column * side
                for x in 0..<side { target[(channel * side + y) * side + x] = pixels[source + x] }
            }
        }
    }

    /// Copies the patch at (`row`, `column`) in the order of the reconstruction: row, then column, then channel.
    ///
    /// Source: `patchify` of the reference.
    func copyTargetPatch(row: Int, column: Int, side: Int, into target: UnsafeMutablePointer<Float>) {
        let plane = channels == 1 ? 0 : height * width
        for y in 0..<side {
            let source = (row * side + y) * width + column * side
            for x in 0..<side {
                let pixel = target + (y * side + x) * 3
                for channel in 0..<3 { pixel[channel] = pixels[channel * plane + source + x] }
            }
        }
    }
}
