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
        if let storage = packed.forwardStorage {
            let panels = InnerPanels(inner: packed.inputs, columns: packed.outputs, format: packed.format)
            pack(weight, panels, transposed: true, into: storage)
        }
        if let storage = packed.backwardStorage {
            let panels = InnerPanels(inner: packed.outputs, columns: packed.inputs, format: packed.format)
            pack(weight, panels, transposed: false, into: storage)
        }
    }

    private func pack(
        _ weight: Matrix, _ panels: InnerPanels, transposed: Bool, into storage: UnsafeMutableRawPointer
    ) {
        for group in panels.columnGroups {
            for panel in 0..<panels.count {
                let (row, column) =
                    transposed
                    ? (group.lowerBound, panels[panel].lowerBound) : (panels[panel].lowerBound, group.lowerBound)
                packPanel(
                    inner: panels[panel].count, columns: group.count, panels.format, transposed: transposed,
                    from: weight.row(row) + column, stride: weight.columns,
                    into: storage + panels.offset(group, panel: panel))
            }
        }
    }

    private func packPanel(
        inner: Int, columns: Int, _ format: NumberFormat, transposed: Bool, from weight: UnsafePointer<Float>,
        stride: Int, into storage: UnsafeMutableRawPointer
    ) {
        guard kernels == .fast else {
            return Naive.pack(
                inner: inner, columns: columns, transposed: transposed, from: weight, stride: stride, into: storage)
        }
        let status = alta_pack(handle, format.kernelFormat, inner, columns, transposed, weight, stride, storage)
        precondition(status == 0, "oneDNN does not pack [\(inner), \(columns)]: status \(status)")
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
        let panels = InnerPanels(inner: inner, columns: columns, format: format)
        // Plain rows take no more bytes than oneDNN's.
        guard kernels == .fast else { return panels.byteCount }
        var bytes = 0
        let status = alta_packed_bytes(handle, format.kernelFormat, panels.inner, panels.columnsTogether, &bytes)
        precondition(status == 0, "oneDNN has no product with a [\(inner), \(columns)] weight: status \(status)")
        precondition(
            bytes == panels.inner * panels.columnsTogether * format.byteCount,
            "a packed [\(panels.inner), \(panels.columnsTogether)] takes \(bytes) bytes")
        return panels.byteCount
    }
}
