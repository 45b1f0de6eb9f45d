import CAltaKernels

extension Engine {
    /// Below this many elements a part, waking a thread costs more than it saves (0.6 to 50 us against 1 Gelem/s).
    private static let minimumElements = 1 << 15

    /// Runs `body` on ranges that together are 0..<count, at the same time on the engine's threads.
    ///
    /// Ranges begin at multiples of `block`. With one thread, or little work, it is one call on this thread.
    func parallel(_ count: Int, elementsEach: Int, block: Int = 1, _ body: (Range<Int>) -> Void) {
        guard count > 0 else { return }
        let blocks = (count + block - 1) / block
        let parts = min(threads, blocks, max(1, count * elementsEach / Engine.minimumElements))
        guard parts > 1 else { return body(0..<count) }
        parallelParts(parts) { part in
            body(min(count, part * blocks / parts * block)..<min(count, (part + 1) * blocks / parts * block))
        }
    }

    /// Runs `body` for 0..<parts at the same time; the part also names one of `threadScratch` where `parts` is at
    /// most `threads`.
    func parallelParts(_ parts: Int, _ body: (Int) -> Void) {
        withoutActuallyEscaping(body) { body in
            withUnsafePointer(to: body) { context in
                alta_parallel(
                    Int32(parts),
                    { part, context in
                        context?.assumingMemoryBound(to: ((Int) -> Void).self).pointee(Int(part))
                    }, UnsafeMutableRawPointer(mutating: context))
            }
        }
    }

    /// Runs `body` for each of 0..<count at the same time, each on one thread with an engine of its own.
    ///
    /// For much work of equal parts that are large themselves: no product then waits for other threads.
    ///
    /// - Parameter body: gets the index, the thread (below `threads`) and the engine, which it may use until it returns.
    public func share(_ count: Int, _ body: (_ index: Int, _ thread: Int, _ engine: Engine) -> Void) {
        guard threads > 1 else { return (0..<count).forEach { body($0, 0, self) } }
        let parts = min(threads, count)
        parallelParts(parts) { part in
            for index in stride(from: part, to: count, by: parts) { body(index, part, members[part]) }
        }
        for member in members {
            operationCount += member.operationCount
            member.operationCount = 0
        }
    }
}

/// Traps unless two matrices have the same shape.
func requireSameShape(_ a: Matrix, _ b: Matrix, _ operation: StaticString) {
    precondition(a.rows == b.rows && a.columns == b.columns, "\(operation) of \(a.shape) and \(b.shape)")
}
