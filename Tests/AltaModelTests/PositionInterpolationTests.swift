import AltaFormats
import AltaModel
import AltaTestSupport
import Testing

/// Position embeddings of another grid against recorded output of torch.
struct PositionInterpolationTests {
    /// Torch interpolates in single precision with values of a few units.
    private static let tolerance: Float = 1e-5

    @Test(arguments: 0..<5) func asTorch(number: Int) throws {
        let file = try SafetensorsFile(path: SharedMaterial.fixture("weights/positions.safetensors"))
        let (source, expected) = (try file.tensor("input/\(number)"), try file.tensor("output/\(number)"))
        let grid = try #require(PositionInterpolation.grid(tokens: source.shape[1]))
        let target = try #require(PositionInterpolation.grid(tokens: expected.shape[1]))
        let found = interpolated(try source.floats(), from: grid, to: target, width: source.shape[2])
        for (one, other) in zip(found, try expected.floats()) { #expect(abs(one - other) <= Self.tolerance) }
        #expect(found.count == expected.elementCount)
    }

    @Test func theSameGridIsTheSame() {
        let values = (0..<(1 + 9) * 2).map { Float($0 * $0 % 7) }
        #expect(interpolated(values, from: 3, to: 3, width: 2) == values)
    }

    /// Two tokens before the patches, as a distilled DeiT has, form no square.
    @Test func onlySquaresHaveAGrid() {
        #expect(PositionInterpolation.grid(tokens: 197) == 14)
        #expect(PositionInterpolation.grid(tokens: 198) == nil)
        #expect(PositionInterpolation.grid(tokens: 1) == nil)
        #expect(PositionInterpolation.grid(tokens: 0) == nil)
    }

    private func interpolated(_ source: [Float], from grid: Int, to target: Int, width: Int) -> [Float] {
        [Float](unsafeUninitializedCapacity: (1 + target * target) * width) { buffer, count in
            count = (1 + target * target) * width
            let values = UnsafeMutableBufferPointer(rebasing: buffer[..<count])
            source.withUnsafeBufferPointer {
                PositionInterpolation.fill(values, grid: target, from: $0, grid: grid, width: width)
            }
        }
    }
}
