import AltaCore

/// A model in several files, as Hugging Face writes it: `{"weight_map": {TENSOR: FILE}}` beside the files.
enum ShardedWeights {
    /// The longest index in bytes; one of ten thousand tensors takes about one million.
    static let maximumIndexByteCount = 64 << 20

    static func open(_ index: JSONObject, _ file: FileBytes) throws -> WeightFile {
        guard let map = index["weight_map"]?.object, map.count > 0 else {
            throw fault("it has no weight_map with names of tensors", file)
        }
        var shards: [String: WeightFile] = [:]
        var tensors: [String: StoredTensor] = [:]
        for member in map.members {
            guard let name = member.value.string else {
                throw fault("the file of tensor \(member.key.prefix(80)) is no text", file)
            }
            let shard: WeightFile
            if let opened = shards[name] { shard = opened } else { shard = try openShard(name, index: file) }
            shards[name] = shard
            guard shard.contains(member.key) else {
                throw fault(
                    "\(name.prefix(80)) lacks the tensor \(member.key.prefix(80)), which the index says it has", file)
            }
            tensors[member.key] = try shard.tensor(member.key)
        }
        let skipped = shards.sorted { $0.key < $1.key }.flatMap { entry in
            entry.value.skipped + entry.value.names.filter { tensors[$0] == nil }
        }
        return WeightFile(path: file.path, format: .sharded, names: map.keys, skipped: skipped, tensors: tensors)
    }

    private static func openShard(_ name: String, index file: FileBytes) throws -> WeightFile {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !parts.contains(where: { $0.isEmpty || $0 == ".." }), !name.utf8.contains(0) else {
            throw fault("the file name \(name.prefix(80)) leaves the folder of the index", file)
        }
        let folder = file.path.lastIndex(of: "/").map { file.path[...$0] } ?? ""
        return try WeightFile.single(
            FileBytes(mapping: folder + name, what: "a file that the index of weights names"))
    }

    private static func fault(_ why: String, _ file: FileBytes) -> AltaError {
        AltaError(
            "malformed index of weights", why: why, remedy: "fetch all files of the model again", file: file.path)
    }
}
