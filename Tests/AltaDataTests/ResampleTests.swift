import AltaCore
import AltaData
import Testing

@Suite("The fast resize equals the plain one")
struct ResampleTests {
    @Test("random sizes up and down, one and three channels", arguments: 0..<24)
    func equalsReference(round: Int) {
        let key = RandomKey(seed: 1, purpose: .test).child(UInt64(round))
        let sizes = (0..<4).map { 1 + key.integer($0, below: 90) }
        let raster = randomRaster(channels: 1 + 2 * (round % 2), height: sizes[0], width: sizes[1], seed: UInt64(round))
        let expected = ResampleReference.resize(raster, height: sizes[2], width: sizes[3])
        #expect(ResampleBicubic.resize(raster, height: sizes[2], width: sizes[3]) == expected)
    }

    @Test("a pass that changes nothing is left out", arguments: [(40, 31), (40, 50), (25, 31)])
    func unchangedSides(height: Int, width: Int) {
        let raster = randomRaster(channels: 3, height: 40, width: 31, seed: 2)
        let result = ResampleBicubic.resize(raster, height: height, width: width)
        #expect(result == ResampleReference.resize(raster, height: height, width: width))
        #expect((result == raster) == (height == 40 && width == 31))
    }

    @Test("black and white edges are clipped, not wrapped")
    func overshoot() {
        let pixels = (0..<1600).map { UInt8(($0 / 7) % 2 * 255) }
        let raster = RasterRGB(channels: 1, height: 40, width: 40, pixels: pixels)
        for (height, width) in [(17, 93), (93, 17), (39, 41)] {
            let expected = ResampleReference.resize(raster, height: height, width: width)
            #expect(ResampleBicubic.resize(raster, height: height, width: width) == expected)
        }
    }

    @Test("a window is that part of the whole", arguments: [(60, 70), (20, 15), (33, 70), (60, 47), (20, 45)])
    func window(height: Int, width: Int) {
        let raster = randomRaster(channels: 3, height: 33, width: 47, seed: 3)
        let whole = ResampleBicubic.resize(raster, height: height, width: width)
        let rows = 5..<(height - 3)
        let columns = 2..<(width - 7)
        let part = ResampleBicubic.resize(raster, height: height, width: width, rows: rows, columns: columns)
        #expect(part.height == rows.count && part.width == columns.count)
        var expected: [UInt8] = []
        for row in rows {
            let start = 3 * (row * width + columns.lowerBound)
            expected += whole.pixels[start..<(start + 3 * columns.count)]
        }
        #expect(part.pixels == expected)
    }
}
