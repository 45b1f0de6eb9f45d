import AltaCore

/// Understands the objects of a pickle that are tensors.
struct TorchObjects {
    let heap: PickleHeap
    let file: FileBytes
    /// Where the content of a storage lies, by its key.
    let storages: [String: Range<Int>]

    /// The most sizes a tensor may have (PyTorch's own limit).
    private static let maximumRank = 64

    /// What a dictionary's value is, as far as weights are concerned.
    enum Meaning {
        case tensor(arguments: [PickleValue], hasTypeName: Bool)
        /// A tensor of a kind that is not read, by the function that builds it.
        case foreignTensor(String)
        case other
    }

    /// Whether a value is a tensor, and of what kind. Parameters and buffers are the tensors that they wrap.
    func meaning(_ value: PickleValue) -> Meaning {
        var call = heap.call(value)
        // A parameter may wrap a parameter; a circle of them is no tensor.
        for _ in 0..<8 {
            guard let (name, arguments) = call else { return .other }
            switch name {
            case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2":
                return .tensor(arguments: arguments, hasTypeName: false)
            case "torch._utils._rebuild_tensor_v3": return .tensor(arguments: arguments, hasTypeName: true)
            case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
                call = arguments.first.flatMap { heap.call($0) }
            case "torch._tensor._rebuild_from_type_v2":
                guard let inner = plainCall(arguments) else { return .foreignTensor(name) }
                call = inner
            default:
                return Self.foreignPrefixes.contains { name.hasPrefix($0) } ? .foreignTensor(name) : .other
            }
        }
        return .other
    }

    /// What `_rebuild_from_type_v2(function, type, arguments, state)` calls, where the type adds nothing to a tensor.
    private func plainCall(_ arguments: [PickleValue]) -> (name: String, arguments: [PickleValue])? {
        guard arguments.count >= 3, let function = heap.globalName(arguments[0]),
            let type = heap.globalName(arguments[1]), Self.plainTypes.contains(type),
            let inner = heap.sequence(arguments[2])
        else { return nil }
        return (function, inner)
    }

    private static let plainTypes = ["torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer"]
    private static let foreignPrefixes = ["torch._utils._rebuild_", "torch._tensor._rebuild_"]

    /// A tensor in place, checked against its storage. Throws why it cannot be read.
    func tensor(_ name: String, _ arguments: [PickleValue], hasTypeName: Bool) throws(TorchFault) -> StoredTensor {
        guard arguments.count >= 4, let reference = try TorchStorageReference(arguments[0], heap),
            case .integer(let offset) = arguments[1], let shape = sizes(arguments[2]),
            let strides = sizes(arguments[3]), strides.count == shape.count, offset >= 0
        else { throw TorchFault("storage, offset, sizes or strides are missing, negative or too many") }
        var elementType: SafetensorsType?
        if hasTypeName {
            guard arguments.count > 6, let typeName = heap.globalName(arguments[6]) else {
                throw TorchFault("its type is missing")
            }
            guard let type = TorchStorageReference.elementTypes[typeName] else {
                throw TorchFault("its type \(typeName.prefix(40)) is not read")
            }
            elementType = type
        }
        // `_rebuild_tensor_v2` may be told that elements are negated or conjugated when they are looked at.
        for flags in arguments.dropFirst(hasTypeName ? 7 : 6) {
            guard heap.members(flags)?.texts.contains(where: { ["neg", "conj"].contains($0.key) }) != true else {
                throw TorchFault("its elements are stored negated or conjugated")
            }
        }
        let storage = try storage(reference, elementType)
        let extent = try extent(shape, strides, offset: offset, storage)
        let start = storage.range.lowerBound + extent.lowerBound * storage.dtype.byteCount
        return StoredTensor(
            name: name, dtype: storage.dtype, shape: shape, strides: strides, file: file,
            range: start..<start + extent.count * storage.dtype.byteCount)
    }

    /// A tuple or `torch.Size` of sizes; nil where it is something else.
    private func sizes(_ value: PickleValue) -> [Int]? {
        var value = value
        if let call = heap.call(value), call.name == "torch.Size", let inner = call.arguments.first { value = inner }
        guard let items = heap.sequence(value), items.count <= Self.maximumRank else { return nil }
        let sizes = items.compactMap { item -> Int? in
            guard case .integer(let size) = item, size >= 0 else { return nil }
            return size
        }
        return sizes.count == items.count ? sizes : nil
    }

    private func storage(
        _ reference: TorchStorageReference, _ elementType: SafetensorsType?
    ) throws(TorchFault) -> TorchStorage {
        guard let stored = reference.dtype else {
            throw TorchFault("its type \(reference.typeName.prefix(40)) is not read")
        }
        guard let whole = storages[reference.key] else {
            throw TorchFault("the storage \(reference.key.prefix(40)) is not in the file")
        }
        let (byteCount, overflows) = reference.count.multipliedReportingOverflow(by: stored.byteCount)
        guard !overflows, byteCount == whole.count else {
            throw TorchFault(
                "the storage \(reference.key.prefix(40)) has \(whole.count) bytes instead of \(reference.count) "
                    + "elements of \(stored.byteCount)")
        }
        let start = whole.lowerBound + reference.part.lowerBound * stored.byteCount
        return TorchStorage(
            dtype: elementType ?? stored, range: start..<start + reference.part.count * stored.byteCount)
    }

    /// The elements of the storage from the first to the last that the tensor uses.
    private func extent(
        _ shape: [Int], _ strides: [Int], offset: Int, _ storage: TorchStorage
    ) throws(TorchFault) -> Range<Int> {
        guard let count = shape.product, count <= max(StoredTensor.repeatedLimit, file.bytes.count) else {
            throw TorchFault("its shape \(shape) has more elements than the file could hold")
        }
        guard count > 0 else { return 0..<0 }
        var last = offset
        for (size, stride) in zip(shape, strides) {
            let (step, overflows) = (size - 1).multipliedReportingOverflow(by: stride)
            let (next, overflowsToo) = last.addingReportingOverflow(step)
            guard !overflows, !overflowsToo else { throw TorchFault("its strides \(strides) overflow") }
            last = next
        }
        guard last < storage.count else {
            throw TorchFault("it reaches element \(last) of a storage of \(storage.count)")
        }
        return offset..<last + 1
    }
}

extension [Int] {
    /// The product of sizes of at least 0, or nil where it overflows; 0 where one of them is 0.
    var product: Int? {
        if contains(0) { return 0 }
        var product = 1
        for size in self {
            let (next, overflows) = product.multipliedReportingOverflow(by: size)
            if overflows { return nil }
            product = next
        }
        return product
    }
}
