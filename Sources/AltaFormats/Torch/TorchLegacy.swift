import AltaCore

/// The form before PyTorch 1.6: five pickles (magic number, protocol, system, object, keys of storages), then each
/// storage as a count of 8 bytes and its elements.
enum TorchLegacy {
    /// The magic number in the two ways in which pickles write it.
    private static let magicBytes: [UInt8] = [
        0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
    ]
    private static let magicText = Array("L119547037146038801333356L".utf8)
    /// A protocol's number and a frame's length may stand before the magic number.
    private static let longestPreamble = 11

    static func isLegacy(_ file: FileBytes) -> Bool {
        if file.bytes.starts(with: magicText) { return true }
        return (0...longestPreamble).contains { file.bytes.dropFirst($0).starts(with: magicBytes) }
    }

    static func read(_ file: FileBytes) throws -> TorchContent {
        let magic = try PickleMachine.read(file.bytes, path: file.path)
        let version = try PickleMachine.read(file.bytes, from: magic.end, path: file.path)
        guard case .integer(1001) = version.root else {
            throw ZipArchive.fault("its version is not 1001, the only one that was ever written", file)
        }
        let system = try PickleMachine.read(file.bytes, from: version.end, path: file.path)
        try checkByteOrder(system, file)
        let heap = try PickleMachine.read(file.bytes, from: system.end, path: file.path)
        let keyList = try PickleMachine.read(file.bytes, from: heap.end, path: file.path)
        guard let items = keyList.sequence(keyList.root) else {
            throw ZipArchive.fault("it lacks the list of its storages", file)
        }
        var place = keyList.end
        let widths = try elementWidths(heap, file)
        var storages: [String: Range<Int>] = [:]
        for item in items {
            guard case .text(let key) = item, storages[key] == nil, let width = widths[key] else {
                throw ZipArchive.fault("its list of storages has something unknown or repeated", file)
            }
            let range = try storage(key, width, at: place, file)
            storages[key] = range
            place = range.upperBound
        }
        return TorchContent(heap: heap, storages: storages)
    }

    private static func checkByteOrder(_ system: PickleHeap, _ file: FileBytes) throws {
        let order = system.members(system.root)?.texts.first { $0.key == "little_endian" }?.value
        guard case .bool(let isLittle) = order else {
            throw ZipArchive.fault("it does not tell its byte order", file)
        }
        guard isLittle else { throw AltaError.bigEndian(file) }
    }

    /// Bytes of an element, by the keys of all storages that the object mentions.
    private static func elementWidths(_ heap: PickleHeap, _ file: FileBytes) throws -> [String: Int] {
        var widths: [String: Int] = [:]
        for place in heap.nodes.indices where heap.nodes[place].kind == .persistent {
            let reference: TorchStorageReference?
            do { reference = try TorchStorageReference(.node(place), heap) } catch {
                throw ZipArchive.fault(error.why, file)
            }
            guard let reference else { continue }
            guard let width = reference.dtype?.byteCount ?? foreignWidths[reference.typeName] else {
                throw ZipArchive.fault("it has a storage of the type \(reference.typeName.prefix(40))", file)
            }
            guard widths.updateValue(width, forKey: reference.key) ?? width == width else {
                throw ZipArchive.fault("the storage \(reference.key.prefix(40)) has two types", file)
            }
        }
        return widths
    }

    /// Storages that are stepped over.
    private static let foreignWidths = [
        "torch.ComplexFloatStorage": 8, "torch.ComplexDoubleStorage": 16, "torch.QInt8Storage": 1,
        "torch.QUInt8Storage": 1, "torch.QInt32Storage": 4,
    ]

    private static func storage(_ key: String, _ width: Int, at place: Int, _ file: FileBytes) throws -> Range<Int> {
        guard file.bytes.count - place >= 8 else {
            throw ZipArchive.fault("the file ends before the storage \(key.prefix(40))", file)
        }
        let count = file.number(place, 8)
        guard count <= UInt64((file.bytes.count - place - 8) / width) else {
            throw ZipArchive.fault("the file ends within the storage \(key.prefix(40)) of \(count) elements", file)
        }
        return place + 8..<place + 8 + Int(count) * width
    }
}
