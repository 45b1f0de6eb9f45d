import AltaCore
import AltaData
import Testing

@Suite("Normalised images equal torch's")
struct PlanarImageTests {
    /// Sums of at most 64 products of single precision in another order than torch's.
    static let tolerance: Float = 1e-5

    @Test("every grey level, to the last bit")
    func normalizes() throws {
        let grey = GreyImage(height: 16, width: 16, pixels: (0...255).map { UInt8($0) })
        let image = PlanarImage.normalized(grey: grey)
        #expect(image.channels == 1 && image.height == 16 && image.width == 16)
        #expect(image.pixels == (try ImageFixtures.made().tensor("normalized").floats()))
    }

    @Test("half the resolution, even and odd sides, one and more channels", arguments: 0..<5)
    func halves(number: Int) throws {
        let fixtures = try ImageFixtures.made()
        let input = try fixtures.tensor("input/\(number)")
        let expected = try fixtures.tensor("halved/\(number)")
        let image = try PlanarImage(
            channels: input.shape[0], height: input.shape[1], width: input.shape[2], pixels: input.floats())
        let half = image.halved()
        #expect([half.channels, half.height, half.width] == expected.shape)
        let largest = zip(half.pixels, try expected.floats()).map { abs($0 - $1) }.max()
        #expect(try #require(largest) < Self.tolerance)
    }

    @Test(
        "the fast passes give the plain one's bits",
        arguments: [(448, 448), (37, 53), (2, 2), (9, 24), (24, 9), (3, 130)])
    func passes(height: Int, width: Int) {
        let key = RandomKey(seed: 11, purpose: .test)
        let pixels = (0..<(2 * height * width)).map { 4 * key.uniform($0) - 2 }
        let image = PlanarImage(channels: 2, height: height, width: width, pixels: pixels)
        for antialias in [true, false] {
            let (fast, plain) = (image.halved(antialias: antialias), image.halvedPlainly(antialias: antialias))
            #expect(fast.height == height / 2 && fast.width == width / 2)
            #expect(fast.pixels.map(\.bitPattern) == plain.pixels.map(\.bitPattern))
        }
    }

    @Test("a constant stays constant: the weights sum to one")
    func constant() {
        let image = PlanarImage(channels: 2, height: 11, width: 9, pixels: [Float](repeating: 1.5, count: 198))
        #expect(image.halved().pixels.allSatisfy { abs($0 - 1.5) < Self.tolerance })
    }
}
