import AltaAutograd
import AltaCore
import AltaTensor
import Testing

/// Operations that pick, average and spread rows.
struct RowOperationTests {
    private let studies = Segments(lengths: [4, 0, 5])
    private let rows = 9
    private let width = 5
    private let arena = Arena()

    @Test func selectRows() throws {
        let weights = try ProgramWeights()
        let x = weights.input("x", rows, width)
        let chosen = [2, 0, 8, 5, 6]
        let check = GradientCheck(weights: weights) { [studies] tape in
            Outcome(outputs: [
                tape.selectRows(
                    x.variable(on: tape, studies: studies), chosen, studies: Segments(lengths: [2, 0, 3]))
            ])
        }
        let (source, got) = (x.matrix(arena), check.firstOutput(arena))
        for (row, from) in chosen.enumerated() {
            #expect(got.rows(row..<row + 1).toArray() == source.rows(from..<from + 1).toArray())
        }
        check.verify()
    }

    @Test func selectNoRows() throws {
        let weights = try ProgramWeights()
        let x = weights.input("x", rows, width)
        let check = GradientCheck(weights: weights) { [studies] tape in
            let variable = x.variable(on: tape, studies: studies)
            let none = tape.selectRows(variable, [], studies: Segments(lengths: [0, 0, 0]))
            return Outcome(outputs: [tape.gelu(none), variable])
        }
        #expect(check.firstOutput(arena).rows == 0)
        check.verify()
    }

    @Test func meanOfRows() throws {
        let weights = try ProgramWeights()
        let x = weights.input("x", rows, width)
        let chosen = [0, 1, 3, 4, 8, 6]
        let check = GradientCheck(weights: weights) { [studies] tape in
            Outcome(outputs: [tape.meanOfRows(x.variable(on: tape, studies: studies), chosen, groupSize: 3)])
        }
        let source = x.matrix(arena)
        let expected = arena.matrix(2, width)
        for group in 0..<2 {
            for column in 0..<width {
                let sum = (0..<3).reduce(0.0) { $0 + Double(source[chosen[3 * group + $1], column]) }
                expected[group, column] = Float(sum / 3)
            }
        }
        #expect(agree(check.firstOutput(arena), expected))
        check.verify()
    }

    @Test func addVector() throws {
        let weights = try ProgramWeights()
        let x = weights.input("x", rows, width)
        let vector = weights.input("vector", 3, width)
        let targets = [2..<4, 4..<4, 5..<9]
        let check = GradientCheck(weights: weights) { [studies] tape in
            Outcome(outputs: [
                tape.addVector(
                    x.variable(on: tape, studies: studies),
                    vector.variable(on: tape, studies: Segments(count: 3, length: 1)), toRows: targets)
            ])
        }
        let (expected, added) = (x.matrix(arena), vector.matrix(arena))
        for (index, range) in targets.enumerated() {
            for row in range {
                for column in 0..<width { expected[row, column] += added[index, column] }
            }
        }
        #expect(agree(check.firstOutput(arena), expected))
        check.verify()
    }
}
