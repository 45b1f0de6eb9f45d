import AltaCore
import AltaFormats
import AltaModel
import AltaTensor

/// Tensors under a fixture's names.
struct ComputedTensors {
    private(set) var names: [String] = []
    private(set) var tensors: [String: (shape: [Int], values: [Float])] = [:]

    mutating func add(_ name: String, _ shape: [Int], _ values: [Float]) {
        names.append(name)
        tensors[name] = (shape, values)
    }

    /// Adds a weight or a gradient under its published names.
    mutating func add(_ group: String, _ spec: WeightSpec, _ matrix: Matrix) {
        let values = matrix.toArray()
        for (part, offset) in ModelWeights.parts(of: spec) {
            add(group + part.name, part.shape, Array(values[offset..<offset + part.count]))
        }
    }

    /// Adds ragged rows as `[studies, rows, width]`, the rest zero.
    mutating func addPadded(_ name: String, _ studies: [[Float]], rows: Int, width: Int) {
        let padded = studies.flatMap { $0 + [Float](repeating: 0, count: rows * width - $0.count) }
        add(name, [studies.count, rows, width], padded)
    }

    func write(to path: String) throws {
        let sources = names.compactMap { name in
            tensors[name].map { TensorSource.floats(name, shape: $0.shape, $0.values) }
        }
        try SafetensorsWriter.write(sources, to: path)
    }
}

extension Verification {
    /// Holds what was computed against everything that the fixture expects.
    func compare(_ computed: ComputedTensors) throws -> VerificationReport {
        let groups = [
            ("losses/", Tolerance.loss), ("embeddings/", Tolerance.embedding), ("gradients/", Tolerance.gradient),
            ("inference/", Tolerance.embedding), ("stepped/", Tolerance.stepped),
        ]
        var rows: [VerificationRow] = []
        for (group, tolerance) in groups {
            let expected = try expectedNames(in: group)
            let scale = group == "gradients/" ? try largestNorm(expected.map { group + $0 }) : 0
            for name in expected where name != "words" {
                rows.append(
                    VerificationRow(
                        name: group + name,
                        error: try error(of: group + name, computed, floor: scale * Verification.silentShare),
                        tolerance: tolerance))
            }
        }
        return VerificationReport(rows: rows)
    }

    /// Gradients whose norm is below this share of the largest one's are compared on that scale: what is zero but for
    /// rounding in two correct programs (as with one study in the batch) has no relative error of its own.
    static let silentShare = 1e-7

    /// What the fixture expects of a group; every loss must be there, and the gradient of every weight that trains.
    private func expectedNames(in group: String) throws -> [String] {
        let names = fixture.names(in: group)
        let required =
            switch group {
            case "losses/": Losses().named.map(\.name)
            case "gradients/":
                WeightCatalog.make(fixture.config).specs.filter(\.trainsByDefault).flatMap { $0.parts.map(\.name) }
            default: [String]()
            }
        if let missing = required.first(where: { !names.contains($0) }) {
            throw AltaError("the fixture has no \(group)\(missing)", remedy: "write it again", file: fixture.file.path)
        }
        return names
    }

    private func largestNorm(_ names: [String]) throws -> Double {
        try names.map { relativeNorm(try fixture.file.floats($0)) }.max() ?? 0
    }

    private func relativeNorm(_ values: [Float]) -> Double {
        values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    }

    /// The norm of the difference over the norm of what is expected; infinite where nothing was computed.
    private func error(of name: String, _ computed: ComputedTensors, floor: Double) throws -> Double {
        var expected = try fixture.file.floats(name)
        guard var found = computed.tensors[name]?.values, found.count == expected.count else { return .infinity }
        if name == "embeddings/text_local" { (found, expected) = (usedWords(found), usedWords(expected)) }
        let difference = relativeNorm(zip(found, expected).map { $0 - $1 })
        let norm = max(relativeNorm(expected), floor)
        return difference == 0 ? 0 : difference / norm
    }

    /// The rows of padded words that mean something.
    private func usedWords(_ values: [Float]) -> [Float] {
        let perStudy = (fixture.config.maxTokens - 1) * fixture.config.projection
        return fixture.studies.enumerated().flatMap { index, study in
            values[index * perStudy..<index * perStudy + (study.report.ids.count - 1) * fixture.config.projection]
        }
    }
}
