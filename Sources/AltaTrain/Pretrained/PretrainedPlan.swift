import AltaCore
import AltaFormats
import AltaModel

/// Finds one source's tensors; a value type that is filled once.
struct PretrainedPlan {
    let source: PretrainedSource
    let catalog: WeightCatalog
    let needsDecoder: Bool
    var tensors: [String: PretrainedTensor] = [:]
    var report: WeightReport
    var tied: [TiedTensor] = []
    private var shapeFaults: [String] = []
    private var deeperLayers: [String] = []

    init(source: PretrainedSource, catalog: WeightCatalog, needsDecoder: Bool) {
        self.source = source
        self.catalog = catalog
        self.needsDecoder = needsDecoder
        report = WeightReport(
            key: source.key, path: source.path, format: source.files.first?.format.rawValue ?? "no file")
    }

    mutating func find() throws {
        // Whether names have a prefix shows in all files of a source together.
        let names = PublishedNames.make(
            side: source.side, catalog: catalog, fileNames: source.files.flatMap(\.names))
        for file in source.files {
            report.unused += file.skipped.map { .init(name: $0, note: "(beside the weights)") }
            try collect(file, names)
        }
        copyLocalHead()
        copyOutputMatrix()
        var required: [String] = []
        for spec in catalog.specs where EncoderSide(ofWeight: spec.parts[0].name) == source.side {
            for part in spec.parts { check(part, of: spec, required: &required) }
        }
        if !shapeFaults.isEmpty { throw misshapen() }
        required += tornModules()
        if !required.isEmpty { throw lacking(required) }
        if !deeperLayers.isEmpty { throw deeper() }
    }

    /// Tells of tensors that should equal the one they are tied to, and do not: this model has one for both.
    mutating func compareTied() throws {
        for copy in tied {
            guard let original = tensors[copy.original], original.file.path == copy.file.path else { continue }
            let one = try original.file.tensor(original.name).floats()
            guard try one != copy.file.tensor(copy.name).floats() else { continue }
            report.notes.append(
                "note: \(copy.name) differs from \(original.name); this model ties them and takes \(original.name) for both"
            )
        }
    }

    /// Notes what each tensor of a file is; of a tensor that an earlier file gave there is nothing to say.
    private mutating func collect(_ file: WeightFile, _ names: PublishedNames) throws {
        var own: [String: String] = [:]
        for name in file.names {
            switch names.meaning(of: name) {
            case .weight(let target):
                if let other = own.updateValue(name, forKey: target) {
                    throw AltaError(
                        "\(source.key) has one tensor under two names", why: "\(other) and \(name) are both \(target)",
                        remedy: "remove one of them", file: file.path)
                }
                if tensors[target] == nil {
                    tensors[target] = PretrainedTensor(file: file, name: name, shape: try file.shape(of: name))
                }
            case .unused(let what): report.unused.append(.init(name: name, note: "(\(what))"))
            case .tied(let tied):
                report.unused.append(.init(name: name, note: "(tied)"))
                self.tied.append(.make(file: file, name: name, bertName: tied, root: names.textRoot))
            case .otherSide: report.unused.append(.init(name: name, note: "(of the other encoder)", isCoarse: true))
            case .deeperLayer: deeperLayers.append(name)
            case .unknown: report.unexpected.append(.init(name: name))
            }
        }
    }

    /// The local head of the text encoder begins as a copy of the pretrained global one.
    private mutating func copyLocalHead() {
        let (local, global) = ("bert_encoder.local_projection_head.", "bert_encoder.cls_projection_head.")
        let parts = catalog.specs.flatMap(\.parts).map(\.name).filter { $0.hasPrefix(local) }
        guard parts.allSatisfy({ tensors[$0] == nil }) else { return }
        for name in parts { copy(global + name.dropFirst(local.count), to: name) }
    }

    /// Where the model's output matrix is its own, a language head that came without one was tied to the word embeddings.
    private mutating func copyOutputMatrix() {
        let predictions = "bert_encoder.model.cls.predictions"
        let output = "\(predictions).decoder.weight"
        guard tensors[output] == nil, tensors["\(predictions).bias"] != nil else { return }
        copy("bert_encoder.model.bert.embeddings.word_embeddings.weight", to: output)
    }

    private mutating func copy(_ original: String, to name: String) {
        guard let tensor = tensors[original] else { return }
        tensors[name] = tensor
        report.copied.append(.init(name: name, note: "from \(WeightReport.module(tensor.name))"))
    }

    private mutating func check(_ part: WeightPart, of spec: WeightSpec, required: inout [String]) {
        guard let tensor = tensors[part.name] else {
            if spec.mayBeAbsent || (spec.isDecoder && !needsDecoder) {
                report.missing.append(.init(name: part.name))
            } else {
                required.append(part.name)
            }
            return
        }
        report.loaded += 1
        report.numbers += part.count
        guard tensor.shape != part.shape else { return }
        if PretrainedPlan.fits(tensor.shape, part) {
            report.resized.append(.init(name: part.name, note: "from \(tensor.shape) to \(part.shape)"))
        } else {
            shapeFaults.append("\(tensor.name) is \(tensor.shape), expected \(part.shape)")
        }
    }

    /// The missing tensors of modules that are there in part: a file may lack an adapter, a head or the decoder, not a
    /// piece of one.
    private func tornModules() -> [String] {
        let missing = Set(report.missing.map(\.name))
        let own = catalog.specs.filter { EncoderSide(ofWeight: $0.parts[0].name) == source.side }
        let groups = Dictionary(grouping: own) { $0.isDecoder ? "decoder" : PretrainedPlan.module($0.parts[0].name) }
        return groups.values.flatMap { specs in
            let names = specs.flatMap { $0.parts.map(\.name) }
            let lacking = names.filter(missing.contains)
            return lacking.count < names.count ? lacking : []
        }.sorted()
    }

    /// What comes and goes as a whole beside the decoder: an adapter, a head, the language head; else the tensor itself.
    private static func module(_ name: String) -> String {
        let parts = name.split(separator: ".")
        let marks = ["attn_adapter", "mlp_adapter", "projection_head", "local_projection_head", "cls_projection_head"]
        if let index = parts.firstIndex(where: { marks.contains(String($0)) }) {
            return parts[...index].joined(separator: ".")
        }
        if let range = name.range(of: "cls.predictions") { return String(name[..<range.upperBound]) }
        return ["bert_embed", "bert_mlp"].contains(parts[0]) ? String(parts[0]) : name
    }

    /// Whether a tensor holds positions of another square grid.
    private static func fits(_ shape: [Int], _ part: WeightPart) -> Bool {
        guard ["pos_embed", "decoder_pos_embed"].contains(part.name), shape.count == 3, shape[0] == 1,
            shape[2] == part.shape[2]
        else { return false }
        return PositionInterpolation.grid(tokens: shape[1]) != nil
    }

    private func lacking(_ names: [String]) -> AltaError {
        let isDecoder = Set(catalog.specs.filter(\.isDecoder).flatMap { $0.parts.map(\.name) })
        let decoderAlone = names.allSatisfy(isDecoder.contains)
        let unknown = report.unexpected.prefix(3).map(\.name).joined(separator: ", ")
        return AltaError(
            "\(source.key) lacks \(names.count) tensors that it must have",
            why: "the first are \(names.prefix(3).joined(separator: ", "))"
                + (unknown.isEmpty || decoderAlone ? "" : "; of what it has nothing is known of \(unknown)"),
            remedy: decoderAlone
                ? "alignment needs a decoder: pretrain from this file (alta-worker pretrain), or give an MRM checkpoint"
                : "give the weights of the configured `model`, whose names are those of the published checkpoints",
            file: source.path)
    }

    /// A part of a model is not that model: its last layers would be missing without a word.
    private func deeper() -> AltaError {
        AltaError(
            "\(source.key) has layers that `model` does not have",
            why: "\(deeperLayers.count) tensors belong to them; the first is \(deeperLayers[0])",
            remedy: "set `model` to the depth of these weights", file: source.path)
    }

    private func misshapen() -> AltaError {
        AltaError(
            "\(source.key) has \(shapeFaults.count) tensors of another shape",
            why: shapeFaults.prefix(3).joined(separator: "; "),
            remedy: "set `model` to the shape, and data.vocabulary to the file, that belong to these weights",
            file: source.path)
    }
}
