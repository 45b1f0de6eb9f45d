import AltaCore
import CAltaKernels

extension Engine {
    /// What decides an engine's bits, in one line for records: the format, oneDNN's version and instruction set, the
    /// kernels it chose, the engine's own bf16 kernels, and hashes of a packed sample weight (in both directions) and of
    /// products with it and of a vector kernel. Engines with equal fingerprints may share packed weights and give the same results.
    ///
    /// It does not depend on the number of threads. Takes some milliseconds: to be asked once, at start.
    public var kernelFingerprint: String {
        var hashes = (packed: "", products: "")
        let names = kernelNames { hashes = scratch.scoped { sampleHashes() } }
        return [
            format.rawValue, library, names.joined(separator: " "), "half kernels \(halfKernels)",
            "packed \(hashes.packed)", "products \(hashes.products)",
        ].joined(separator: "; ")
    }

    private var library: String {
        guard kernels == .fast else { return "plain loops" }
        let library = alta_product_library()
        return "oneDNN \(library.major).\(library.minor).\(library.patch) isa \(library.isa)"
    }

    /// The kernels that oneDNN chose for the products with packed weights and the weight gradients in bf16 of `body`, each
    /// once: `brg:avx512_core` and its kind are fast ones, `gemm:jit` and `ref` are not.
    public func kernelNames(of body: () -> Void) -> [String] {
        products.kernelNames = []
        for part in threadProducts { part.primitives.kernelNames = [] }
        defer {
            products.kernelNames = nil
            for part in threadProducts { part.primitives.kernelNames = nil }
        }
        body()
        return threadProducts.reduce(into: products.kernelNames ?? []) { $0.formUnion($1.primitives.kernelNames ?? []) }
            .sorted()
    }

    /// oneDNN's primitives that the engine holds now, some 150 KB each.
    public var primitiveCount: Int {
        let own = threadProducts.reduce(products.count) { $0 + $1.primitives.count }
        return members.reduce(own) { $0 + $1.primitiveCount }
    }

    /// The most primitives that an engine holds for packed weights, and as many on each thread for weight gradients.
    public static var largestPrimitiveCount: Int { PrimitiveCache<PackedProduct>.largestCount }

    /// Sizes are such that no gap of a packed weight is left unwritten, and that bf16 goes through panels.
    private func sampleHashes() -> (packed: String, products: String) {
        let (rows, outputs, inputs) = (37, 192, 1024)
        let weight = pack(Engine.sample(scratch.matrix(outputs, inputs), 1))
        let x = inFormat(.full(Engine.sample(scratch.matrix(rows, inputs), 2)))
        let dy = inFormat(.full(Engine.sample(scratch.matrix(rows, outputs), 3)))
        let (y, dx) = (scratch.matrix(rows, outputs), scratch.matrix(rows, inputs))
        let dw = scratch.matrix(outputs, inputs)
        forward(x, weight, bias: nil, into: .full(y))
        backward(dy, weight, into: .full(dx), accumulate: false)
        weightGradient(dy, x, into: dw, accumulate: false)
        var (packed, products) = (StableHash(), StableHash())
        for case let storage? in [weight.forwardStorage, weight.backwardStorage] {
            packed.combine(UnsafeRawBufferPointer(start: storage, count: outputs * inputs * format.byteCount))
        }
        // The kernels in C, too, are compiled for several instruction sets.
        softmaxOverWords(dw, segments: Segments(lengths: [100, 92]))
        for result in [y, dx, dw] { products.combine(UnsafeRawBufferPointer(result.elements)) }
        return (packed.hex, products.hex)
    }
}
