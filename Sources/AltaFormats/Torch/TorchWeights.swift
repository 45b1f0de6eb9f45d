import AltaCore

/// The weights among everything that a PyTorch file's pickle holds.
struct TorchWeights {
    private(set) var names: [String] = []
    private(set) var skipped: [String] = []
    private(set) var tensors: [String: StoredTensor] = [:]
    private let objects: TorchObjects

    /// The names under which training programs file their weights.
    static let folderNames = ["model", "state_dict", "model_state_dict", "module"]

    init(_ objects: TorchObjects) throws {
        self.objects = objects
        guard let members = objects.heap.members(objects.heap.root) else {
            throw Self.noWeights("it holds \(objects.heap.kindName(objects.heap.root)), not a dictionary", objects)
        }
        let folders = members.texts.filter { Self.folderNames.contains($0.key) && Self.holdsTensors($0.value, objects) }
        guard folders.count <= 1 else {
            throw AltaError(
                "a PyTorch file has several sets of weights", why: folders.map(\.key).joined(separator: ", "),
                remedy: "save the wanted one alone: torch.save(checkpoint[\"\(folders[0].key)\"], path)",
                file: objects.file.path)
        }
        if let folder = folders.first {
            skipped = members.texts.map(\.key).filter { $0 != folder.key }
            skipOthers(members.others)
            try add(folder.value)
        } else {
            try add(objects.heap.root)
        }
        guard !names.isEmpty else {
            let found = members.texts.prefix(8).map { "\($0.key.prefix(40)): \(objects.heap.kindName($0.value))" }
            throw Self.noWeights("it holds no tensors (\(found.joined(separator: ", ")))", objects)
        }
    }

    private static func noWeights(_ why: String, _ objects: TorchObjects) -> AltaError {
        AltaError(
            "a PyTorch file without weights", why: why,
            remedy: "save them in Python as a dictionary: torch.save(module.state_dict(), path)",
            file: objects.file.path)
    }

    private static func holdsTensors(_ value: PickleValue, _ objects: TorchObjects) -> Bool {
        objects.heap.members(value)?.texts.contains { member in
            if case .other = objects.meaning(member.value) { false } else { true }
        } ?? false
    }

    /// Adds the tensors of a dictionary; what else it holds is listed as skipped.
    private mutating func add(_ dictionary: PickleValue) throws {
        guard let members = objects.heap.members(dictionary) else { return }
        for (name, value) in members.texts {
            switch objects.meaning(value) {
            case .other: skipped.append(name)
            case .foreignTensor(let builder):
                throw fault(name, "it is built by \(builder.prefix(80)), and only dense tensors are read")
            case .tensor(let arguments, let hasTypeName):
                do {
                    tensors[name] = try objects.tensor(name, arguments, hasTypeName: hasTypeName)
                } catch { throw fault(name, error.why) }
                names.append(name)
            }
        }
        skipOthers(members.others)
    }

    private mutating func skipOthers(_ count: Int) {
        if count > 0 { skipped.append("keys that are no texts: \(count)") }
    }

    private func fault(_ name: String, _ why: String) -> AltaError {
        AltaError(
            "tensor \(name.prefix(200)) cannot be read", why: why,
            remedy:
                "the file may be damaged; else load it in Python and save this tensor as a dense one, or leave it out",
            file: objects.file.path)
    }
}
