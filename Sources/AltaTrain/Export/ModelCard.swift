import AltaCore
import AltaModel

/// The README of an exported model: what it is, what it was made of, and whose terms it stands under.
///
/// It names no study, no report and no image; of the data it has a hash and counts.
struct ModelCard {
    let model: ModelConfig
    let config: RunConfig
    let adaptersOnly: Bool
    /// What the person who exports says of the licence.
    let licence: String?
    /// What the weights were trained on; nil: they were not trained here.
    let origin: TrainingOrigin?
    /// Steps that were taken.
    let step: Int?
    /// Key, file name and hash of each pretrained source.
    let sources: [(key: String, name: String, hash: String)]
    /// A hash of the program that wrote it.
    let programHash: String
    /// The day of the export, as 2026-01-31.
    let day: String

    /// The card as Markdown with the front matter of Hugging Face.
    func text() throws -> String {
        let (shape, provenance) = (try shape(), try provenance())
        let lines =
            frontMatter + ["# ALTA: radiographs aligned with reports", ""] + introduction + shape + data + licenceLines
            + provenance
        return lines.joined(separator: "\n") + "\n"
    }

    private var frontMatter: [String] {
        [
            "---", "library_name: alta", "pipeline_tag: zero-shot-image-classification",
            "tags: [radiology, vision-language, alta]", "---", "",
        ]
    }

    private var introduction: [String] {
        let content =
            adaptersOnly
            ? "`model.safetensors` holds what was trained, without the frozen weights: those of the pretrained files named "
                + "below, and those that were drawn when the run began (its `frozen.safetensors`)."
            : "`model.safetensors` holds the whole model."
        return [
            "A vision encoder and a text encoder that meet in one space (arXiv:2506.08990). \(content) Tensors have the published "
                + "names: timm/MAE for the vision encoder, Hugging Face BERT under `bert_encoder.` for the text encoder.",
            "", "Not a medical device. Not validated for diagnosis.", "",
        ]
    }

    private func shape() throws -> [String] {
        let catalog = WeightCatalog.make(model)
        let trained = catalog.specs.filter { $0.trains(in: config.trainable) }.reduce(0) {
            $0 + $1.count
        }
        return [
            "## Model", "", "- parameters: \(catalog.count), of which \(trained) train",
            "- shape: `\(try model.resolvedJSON().text())`", "",
        ]
    }

    private var data: [String] {
        guard let origin else {
            return [
                "## Data", "", "Nothing was trained: weights are those of the pretrained files, or freshly drawn.", "",
            ]
        }
        return [
            "## Data", "",
            "No patient's data is in this folder. The weights were trained on a table of studies:", "",
            "- studies: \(origin.studies.map(String.init) ?? "not recorded")",
            "- hash of the table (XXH64): \(origin.data)", "- hash of the vocabulary (XXH64): \(origin.vocabulary)",
            "- steps: \(step ?? 0), of \(config.globalBatch) studies each", "",
        ]
    }

    private var licenceLines: [String] {
        [
            "## Licence", "", "Licence: \(oneLine(licence) ?? "not stated")", "",
            "The terms of the pretrained weights and of the data it was trained on govern this model, whatever is stated here.",
            "",
        ]
    }

    private func provenance() throws -> [String] {
        let files = sources.map { "- \($0.key): `\($0.name)`, hash of its tensors (XXH64) \($0.hash)" }
        return ["## Provenance", ""] + (files.isEmpty ? ["- pretrained files: none"] : files) + [
            "- hash of the configuration (XXH64): \(hexadecimal(config.fingerprint()))",
            "- seed: \(config.seed)", "- hash of the program, alta-worker (XXH64): \(programHash)",
            "- exported: \(day)",
        ]
    }

    /// A text that cannot break the card's lines.
    private func oneLine(_ text: String?) -> String? {
        text.map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
    }

    private func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
