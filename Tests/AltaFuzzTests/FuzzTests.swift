import AltaCore
import AltaFuzzSupport
import Testing

/// Each parser answers damaged inputs with an error or with a result that can be read through; none traps.
/// `Tests/Scripts/fuzz.sh` does the same with far more inputs under the address sanitizer.
@Suite struct FuzzTests {
    private static let inputCount = 2000

    @Test(arguments: try ParserTargets.all())
    func damagedInputsAreAnswered(target: ParserTarget) throws {
        var accepted = 0
        for number in 0..<Self.inputCount where try target.accepts(target.input(number, seed: 1)) { accepted += 1 }
        // Where nearly all inputs are refused, or none, the damage does not reach what it should test.
        #expect(accepted > Self.inputCount / 100 && accepted < Self.inputCount, "\(accepted) accepted")
    }

    @Test(arguments: try ParserTargets.all())
    func inputsBeforeDamageAreAccepted(target: ParserTarget) throws {
        let accepted = try target.originals.count { try target.accepts($0) }
        #expect(accepted > 0, "\(accepted) of \(target.originals.count)")
    }

    @Test func inputsDependOnTheSeedAlone() throws {
        for target in try ParserTargets.all() {
            let inputs = (0..<50).map { target.input($0, seed: 7) }
            #expect(inputs == (0..<50).map { target.input($0, seed: 7) })
            #expect(inputs != (0..<50).map { target.input($0, seed: 8) })
        }
    }
}
