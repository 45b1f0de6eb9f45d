import CAltaKernels

extension Engine {
    /// Packs a weight `[outputs, inputs]` for products with it, in the engine's format. The weight is not kept.
    public func pack(_ weight: Matrix, directions: PackDirections = .both) -> PackedMatrix {
        let bytes = packedByteCount(outputs: weight.rows, inputs: weight.columns, directions: directions)
        let region = Region(byteCount: bytes)
        let packed = packedMatrix(
            outputs: weight.rows, inputs: weight.columns, directions: directions, storage: region.base, owner: region)
        repack(packed, from: weight)
        return packed
    }

    /// Packs new values of a weight over the old ones.
    public func repack(_ packed: PackedMatrix, from weight: Matrix) {
        precondition(
            weight.rows == packed.outputs && weight.columns == packed.inputs,
            "a weight \(weight.shape) over one of [\(packed.outputs), \(packed.inputs)]")
        let format = packed.format.kernelFormat
        if let storage = packed.forwardStorage {
            let status = alta_pack(handle, format, packed.inputs, packed.outputs, true, weight.base, storage)
            precondition(status == 0, "oneDNN does not pack \(weight.shape) transposed: status \(status)")
        }
        if let storage = packed.backwardStorage {
            let status = alta_pack(handle, format, packed.outputs, packed.inputs, false, weight.base, storage)
            precondition(status == 0, "oneDNN does not pack \(weight.shape): status \(status)")
        }
    }

    /// The bytes that a packed weight takes, a multiple of `Region.alignment`.
    public func packedByteCount(outputs: Int, inputs: Int, directions: PackDirections = .both) -> Int {
        var bytes = 0
        if directions.contains(.forward) { bytes += layoutBytes(inner: inputs, columns: outputs) }
        if directions.contains(.backward) { bytes += layoutBytes(inner: outputs, columns: inputs) }
        return bytes
    }

    /// A packed weight in memory that exists already, as a window that the ranks of a node share: `packedByteCount`
    /// bytes from `storage`, aligned to `Region.alignment` and kept by `owner`. One rank fills it with `repack`.
    public func packedMatrix(
        outputs: Int, inputs: Int, directions: PackDirections = .both, storage: UnsafeMutableRawPointer,
        owner: AnyObject?
    ) -> PackedMatrix {
        precondition(UInt(bitPattern: storage) % UInt(Region.alignment) == 0, "packed weights at \(storage)")
        let forward = directions.contains(.forward)
        let offset = forward ? layoutBytes(inner: inputs, columns: outputs) : 0
        return PackedMatrix(
            outputs: outputs, inputs: inputs, directions: directions, format: format,
            forwardStorage: forward ? storage : nil,
            backwardStorage: directions.contains(.backward) ? storage + offset : nil, owner: owner)
    }

    private func layoutBytes(inner: Int, columns: Int) -> Int {
        var bytes = 0
        let status = alta_packed_bytes(handle, format.kernelFormat, inner, columns, &bytes)
        precondition(status == 0, "oneDNN has no product with a [\(inner), \(columns)] weight: status \(status)")
        return (bytes + Region.alignment - 1) & ~(Region.alignment - 1)
    }
}
