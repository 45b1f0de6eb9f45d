import AltaCore
import AltaModel

/// What weights were trained on, by its content: a checkpoint says it, and goes on with nothing else.
public struct TrainingOrigin: Sendable, Equatable {
    /// A hash of the table of studies.
    public let data: String
    /// A hash of the vocabulary.
    public let vocabulary: String
    /// A hash of the frozen weights.
    public let frozen: String
    /// A hash of the pretrained files of each side, under its name; empty where there were none. It decides nothing here
    /// (`frozen` does), but a run that begins with this one asks whether they are still the same.
    public let pretrained: [String: String]
    /// How many studies the table has; nil: not recorded.
    public let studies: Int?

    /// Stores the hashes.
    init(data: String, vocabulary: String, frozen: String, pretrained: [String: String] = [:], studies: Int? = nil) {
        self.data = data
        self.vocabulary = vocabulary
        self.frozen = frozen
        self.pretrained = pretrained
        self.studies = studies
    }

    /// Reads the hashes of a checkpoint's state; nil where one is missing.
    init?(state: JSONValue) {
        guard let data = state["data_hash"]?.string, let vocabulary = state["vocabulary_hash"]?.string,
            let frozen = state["frozen_hash"]?.string
        else { return nil }
        let pretrained = state["pretrained_hashes"]?.object?.members.reduce(into: [String: String]()) {
            $0[$1.key] = $1.value.string
        }
        self.init(
            data: data, vocabulary: vocabulary, frozen: frozen, pretrained: pretrained ?? [:],
            studies: state["studies"]?.int)
    }

    /// The hashes as members of a checkpoint's state.
    var members: [(String, JSONValue)] {
        let counts = studies.map { [("studies", JSONValue.integer($0))] } ?? []
        return counts + [
            ("data_hash", .string(data)), ("vocabulary_hash", .string(vocabulary)), ("frozen_hash", .string(frozen)),
            (
                "pretrained_hashes",
                .object(members: pretrained.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
            ),
        ]
    }

    /// Refuses to go on, or to evaluate, with a vocabulary or frozen weights of other content.
    ///
    /// - Parameter ofData: whether the table must be the same too: to go on training, not to evaluate.
    /// - Throws: `AltaError` naming what differs.
    func check(against checkpoint: TrainingOrigin, ofData: Bool, file: String) throws {
        guard checkpoint.frozen.hasPrefix(WeightHash.version) else {
            throw AltaError(
                "the checkpoint was written by an earlier version", why: "it hashed frozen weights in another way",
                remedy: "go on with that version, or start another run with another output", file: file)
        }
        let parts = [
            ("the vocabulary is not", vocabulary, checkpoint.vocabulary, "bring back the vocab.txt"),
            (
                "the frozen weights are not", frozen, checkpoint.frozen,
                "bring back the pretrained files, or frozen.safetensors,"
            ),
            ("the table of studies is not", data, ofData ? checkpoint.data : data, "bring back the CSV"),
        ]
        for (what, here, there, remedy) in parts where here != there {
            throw AltaError(
                "\(what) what the checkpoint was trained on", why: "its hash is \(here), the checkpoint's \(there)",
                remedy: "\(remedy) that the run began with, or start another run with another output", file: file)
        }
    }
}
