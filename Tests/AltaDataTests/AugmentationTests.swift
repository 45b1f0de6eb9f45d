import AltaCore
import AltaData
import Testing

@Suite("Random draws of the training transform")
struct AugmentationTests {
    private static let draws = (0..<4000).map {
        AugmentationDraw(
            key: RandomKey(seed: 3, epoch: 1, study: StudyIndex($0), purpose: .augmentation))
    }
    /// Six standard errors of the mean of 4000 uniform draws over a range of one.
    private static let tolerance = 6 * 0.2887 / 63.2

    private func checkUniform(
        _ range: ClosedRange<Double>, _ value: (Augmentation) -> Double, _ location: SourceLocation = #_sourceLocation
    ) {
        let width = range.upperBound - range.lowerBound
        let values = Self.draws.map { (value($0.at(side: 448)) - range.lowerBound) / width }
        #expect(values.allSatisfy { $0 >= 0 && $0 <= 1 }, sourceLocation: location)
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        #expect(abs(mean - 0.5) < Self.tolerance, sourceLocation: location)
        #expect(abs(variance - 1.0 / 12) < Self.tolerance, sourceLocation: location)
    }

    @Test("the published ranges, uniformly")
    func ranges() {
        checkUniform(-20...20, \.angle)
        checkUniform(-45...45) { Double($0.translateX) }
        checkUniform(-45...45) { Double($0.translateY) }
        checkUniform(0.95...1.05, \.scale)
        checkUniform(-10...10, \.shearX)
        checkUniform(0.8...1.2, \.brightness)
        checkUniform(0.8...1.2, \.contrast)
        #expect(Self.draws.allSatisfy { $0.at(side: 448).shearY == 0 })
        let first = Self.draws.count { $0.at(side: 448).contrastFirst }
        #expect(abs(Double(first) / 4000 - 0.5) < 2 * Self.tolerance)
    }

    @Test("the same fraction at both sides")
    func fractions() {
        for draw in Self.draws.prefix(500) {
            var (large, small) = (draw.at(side: 448), draw.at(side: 224))
            #expect(large.translateX == Int((draw.translationX * 448).rounded()))
            #expect(small.translateY == Int((draw.translationY * 224).rounded()))
            #expect(abs(large.translateX - 2 * small.translateX) <= 1)
            (large.translateX, large.translateY) = (0, 0)
            (small.translateX, small.translateY) = (0, 0)
            #expect(large == small)
        }
    }

    @Test("a draw depends on its key alone, and keys differ")
    func keys() {
        let key = RandomKey(seed: 9, epoch: 2, study: StudyIndex(77), purpose: .augmentation)
        #expect(Augmentation.draw(key: key, side: 448) == AugmentationDraw(key: key).at(side: 448))
        #expect(AugmentationDraw(key: key) != AugmentationDraw(key: key.child(1)))
    }

    @Test("parameters from JSON")
    func json() throws {
        let text = #"{"angle": 3.5, "translate": [4, -2], "scale": 1.02, "shear": [2, 0.5], "contrast_first": true}"#
        let read = try Augmentation(json: JSONValue(parsing: text))
        let expected = Augmentation(
            angle: 3.5, translateX: 4, translateY: -2, scale: 1.02, shearX: 2, shearY: 0.5, contrastFirst: true)
        #expect(read == expected)
    }

    @Test(
        "malformed parameters",
        arguments: [
            (#"[1]"#, "not a JSON object"), (#"{"angel": 1}"#, "did you mean angle?"), (#"{"scale": 0}"#, "scale is 0"),
            (#"{"translate": [1.5, 0]}"#, "translate is not"), (#"{"shear": [1]}"#, "shear is not"),
            (#"{"brightness": -1}"#, "brightness is -1"), (#"{"contrast": 1e300}"#, "contrast is 1e+300"),
            (#"{"contrast_first": 1}"#, "contrast_first is not"), (#"{"angle": "1"}"#, "angle is not a number"),
        ])
    func malformed(text: String, phrase: String) throws {
        let json = try JSONValue(parsing: text)
        let error = #expect(throws: AltaError.self) { try Augmentation(json: json) }
        #expect(error?.description.contains(phrase) == true, "\(error?.description ?? "")")
        #expect(error?.exitCode == .usage)
    }
}
