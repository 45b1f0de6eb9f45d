import AltaCore
import AltaData
import AltaFormats
import AltaModel

/// A numerical fixture written by the reference: weights, a batch, and what must come out.
public struct Fixture {
    /// The file.
    public let file: SafetensorsFile
    /// The model's shape.
    public let config: ModelConfig
    /// The studies of the batch.
    public let studies: [PreparedStudy]
    /// How the stepped weights came about.
    public let recipe: FixtureRecipe

    /// Reads a fixture.
    ///
    /// - Throws: `AltaError` where the file is not one, naming what is missing.
    public static func load(_ path: String) throws -> Fixture {
        let file = try SafetensorsFile(path: path)
        let stage = try Stage.named(in: file.metadata, file: path)
        guard let text = file.metadata["config"] else {
            throw AltaError(
                "not a fixture", why: "its metadata has no `config`",
                remedy: "write one with the reference's `fixture` command", file: path)
        }
        let config = try ModelConfig(json: JSONValue(parsing: text, file: path), stage: stage, file: path)
        return Fixture(
            file: file, config: config, studies: try FixtureBatch(file: file, config: config).studies(),
            recipe: try FixtureRecipe(file))
    }

    /// The names of a group such as `gradients/`, without it.
    public func names(in group: String) -> [String] {
        file.names.filter { $0.hasPrefix(group) }.map { String($0.dropFirst(group.count)) }.sorted()
    }
}

/// The AdamW steps that lead to a fixture's stepped weights.
public struct FixtureRecipe: Sendable {
    /// The rate of each step.
    public let rates: [Double]
    /// The optimizer's constants.
    public let constants: AdamWConstants

    init(_ file: SafetensorsFile) throws {
        var constants = AdamWConstants()
        guard let text = file.metadata["optimizer"] else {
            guard !file.names.contains(where: { $0.hasPrefix("stepped/") }) else {
                throw AltaError(
                    "the fixture does not say how it stepped", why: "its metadata has no `optimizer`",
                    remedy: "write it again", file: file.path)
            }
            rates = []
            self.constants = constants
            return
        }
        let json = try JSONValue(parsing: text, file: file.path)
        guard let listed = json["rates"]?.array, case let rates = listed.compactMap(\.double),
            rates.count == listed.count
        else {
            throw AltaError("the fixture's optimizer has no rates", remedy: "write it again", file: file.path)
        }
        self.rates = rates
        if let betas = json["betas"]?.array?.compactMap(\.double), betas.count == 2 {
            (constants.beta1, constants.beta2) = (betas[0], betas[1])
        }
        if let epsilon = json["eps"]?.double { constants.epsilon = epsilon }
        if let decay = json["weight_decay"]?.double { constants.weightDecay = decay }
        self.constants = constants
    }
}

/// A safetensors file as the source of weights, under a prefix.
public struct FileWeights: WeightSource {
    let file: SafetensorsFile
    let prefix: String

    /// Fills a tensor from the file; a missing one or one of another shape is an error.
    public func load(
        _ part: WeightPart, of spec: WeightSpec, into values: UnsafeMutableBufferPointer<Float>
    ) throws -> Bool {
        let tensor = try file.tensor(prefix + part.name)
        guard tensor.shape == part.shape else {
            throw AltaError(
                "\(part.name) has another shape", why: "found \(tensor.shape), expected \(part.shape)",
                remedy: "use the configuration that the file was written with", file: file.path)
        }
        let stored = StoredTensor(tensor)
        try stored.readFloats(into: values)
        stored.releasePages()
        guard WeightHash.isFinite(values) else {
            throw AltaError(
                "\(part.name) holds a number that is not finite", remedy: "use another checkpoint or file",
                file: file.path)
        }
        return true
    }
}

extension Stage {
    /// The stage that the metadata of a safetensors file names; `align` where they name none.
    ///
    /// - Throws: `AltaError` where there is no such stage.
    static func named(in metadata: [String: String], file: String) throws -> Stage {
        let name = metadata["stage"] ?? Stage.align.rawValue
        guard let stage = Stage(rawValue: name) else {
            throw AltaError(
                "this file is of the stage \(name)",
                why: "there are \(Stage.allCases.map(\.rawValue).joined(separator: " and "))",
                remedy: "give one that the reference or this system wrote", file: file)
        }
        return stage
    }
}
