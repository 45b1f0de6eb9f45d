import AltaCore
import AltaFormats
import AltaModel
import AltaTensor

/// Tensors under a fixture's names.
struct ComputedTensors {
    private(set) var names: [String] = []
    private(set) var tensors: [String: (shape: [Int], values: [Float])] = [:]
    private var integers: Set<String> = []

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

    /// Adds whole numbers, which a fixture holds as such.
    mutating func addIntegers(_ name: String, _ values: [Int]) {
        add(name, [values.count], values.map { Float($0) })
        integers.insert(name)
    }

    func write(to path: String) throws {
        let sources = names.compactMap { name in
            tensors[name].map { shape, values in
                integers.contains(name)
                    ? TensorSource.integers(name, shape: shape, values.map { Int($0) })
                    : TensorSource.floats(name, shape: shape, values)
            }
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
            let largest = group == "gradients/" ? try largestNorm(expected.map { group + $0 }) : 0
            for name in expected {
                let isScale = group == "gradients/" && WeightCatalog.logitScaleNames.contains(name)
                rows.append(
                    VerificationRow(
                        name: group + name,
                        error: try error(of: group + name, computed, floor: try floor(name, largest: largest)),
                        tolerance: isScale ? Tolerance.scaleGradient : tolerance))
            }
        }
        return VerificationReport(rows: rows)
    }

    /// Gradients whose norm is below this share of the largest one's are compared on that scale: what is zero but for
    /// rounding in two correct programs (as with one study in the batch) has no relative error of its own.
    static let silentShare = 1e-7

    /// The least norm that a difference is held against; `largest` is that of all gradients, or 0.
    ///
    /// The bias of an attention's keys has no gradient but rounding, since softmax does not see it: it is held against that of
    /// the queries, whose terms it is made of.
    func floor(_ name: String, largest: Double) throws -> Double {
        let silent = largest * Verification.silentShare
        guard largest > 0, name.hasSuffix(".key.bias") else { return silent }
        let queries = "gradients/\(name.dropLast("key.bias".count))query.bias"
        return max(silent, norm(try fixture.file.floats(queries)))
    }

    /// What the fixture expects of a group; every loss must be there, and the gradient of every weight that trains.
    func expectedNames(in group: String) throws -> [String] {
        let names = fixture.names(in: group)
        let required =
            switch group {
            case "losses/": Losses.names(of: fixture.config.stage)
            case "stepped/" where fixture.recipe.rates.isEmpty: [String]()
            case "gradients/", "stepped/":
                WeightCatalog.make(fixture.config).specs.filter(\.trainsByDefault).flatMap { $0.parts.map(\.name) }
            default: [String]()
            }
        if let missing = required.first(where: { !names.contains($0) }) {
            throw AltaError("the fixture has no \(group)\(missing)", remedy: "write it again", file: fixture.file.path)
        }
        return names
    }

    func largestNorm(_ names: [String]) throws -> Double {
        try names.map { norm(try fixture.file.floats($0)) }.max() ?? 0
    }

    func norm(_ values: [Float]) -> Double {
        values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    }

    /// The norm of the difference over the norm of what is expected; infinite where nothing was computed.
    func error(of name: String, _ computed: ComputedTensors, floor: Double) throws -> Double {
        guard let (found, expected) = try values(of: name, computed) else { return .infinity }
        var differences = zip(found, expected).map { $0 - $1 }
        if name.hasPrefix("stepped/") { try forgiveSilentElements(&differences, of: name) }
        let difference = norm(differences)
        let norm = max(norm(expected), floor)
        return difference == 0 ? 0 : difference / norm
    }

    /// What was computed and what is expected; nil where nothing of that shape was computed.
    func values(of name: String, _ computed: ComputedTensors) throws -> (found: [Float], expected: [Float])? {
        let tensor = try fixture.file.tensor(name)
        let expected = try tensor.dtype.isFloatingPoint ? tensor.floats() : tensor.integers().map { Float($0) }
        guard let found = computed.tensors[name]?.values, found.count == expected.count else { return nil }
        guard name == "embeddings/text_local" else { return (found, expected) }
        return (usedWords(found), usedWords(expected))
    }

    /// Elements whose gradient is below this share of their tensor's root mean square have one of unknown sign in fp32.
    static let silentElementShare = 1e-5

    /// AdamW divides a gradient by its own size, so an element whose gradient is nothing but rounding takes full steps in
    /// either direction: two correct programs may end up to twice the sum of the rates apart there. That much is forgiven.
    private func forgiveSilentElements(_ differences: inout [Float], of name: String) throws {
        let gradient = try fixture.file.floats("gradients/" + name.dropFirst("stepped/".count))
        guard gradient.count == differences.count else { return }
        let silent = Verification.silentElementShare * norm(gradient) / Double(gradient.count).squareRoot()
        let reach = Float(2 * fixture.recipe.rates.reduce(0, +))
        for index in differences.indices where Double(abs(gradient[index])) < silent && abs(differences[index]) <= reach
        {
            differences[index] = 0
        }
    }

    /// The rows of padded words that mean something.
    func usedWords(_ values: [Float]) -> [Float] {
        let perStudy = (fixture.config.maxTokens - 1) * fixture.config.projection
        return fixture.studies.enumerated().flatMap { index, study in
            values[index * perStudy..<index * perStudy + (study.report.ids.count - 1) * fixture.config.projection]
        }
    }
}
