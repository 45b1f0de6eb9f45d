import AltaCore
import AltaTensor

/// Blocks of rows that many studies read: each is computed once, on a tape of its own, before the studies' tapes.
///
/// A study's sweep adds its gradient of a block to `ledger`, as one partial: where sums are order-free, the sum over studies,
/// micro-batches and ranks has the same bits however they were dealt. It is the seed of the blocks' own sweep.
public struct SharedRows {
    /// `[rows, width]` in fp32, by slot of `ledger`; nil: no study on this rank reads it.
    public let blocks: [Matrix?]
    /// Where the gradients of the blocks are added up.
    public let ledger: GradientLedger

    /// Stores the blocks, whose memory lives as long as the tapes that read them.
    public init(blocks: [Matrix?], ledger: GradientLedger) {
        precondition(blocks.count == ledger.slotCount, "\(blocks.count) blocks, a ledger of \(ledger.slotCount)")
        self.blocks = blocks
        self.ledger = ledger
    }

    fileprivate func block(_ slot: Int) -> Matrix {
        guard let block = blocks[slot] else { preconditionFailure("shared block \(slot) was not computed") }
        return block
    }
}

/// Where some consecutive rows come from.
public enum RowSource: Equatable, Sendable {
    /// The next `count` rows of the study's own.
    case own(count: Int)
    /// A whole block of `SharedRows`, by its slot.
    case shared(slot: Int)
}

extension Tape {
    /// The rows of `x` with shared blocks in between: the encoded radiographs of studies of which some are absent.
    ///
    /// - Parameters:
    ///   - x: `[own rows, W]`, kept in fp32; its rows are used up in order.
    ///   - sources: what the result consists of, in order. A study reads a block at most once.
    ///   - studies: which rows of the result belong to which study.
    /// - Returns: `[studies.rows, W]`, in fp32 and as products read it.
    public func interleave(
        _ x: Variable, _ shared: SharedRows, _ sources: [RowSource], studies: Segments
    ) -> Variable {
        let values = values(studies.rows, x.columns, .both)
        let operation = InterleaveOperation(x: x, shared: shared, sources: sources, y: gradientCount)
        let value = values.primary.matrix
        operation.forEachSource { source, rows in
            switch source {
            case .own(let first): value.rows(rows).copy(from: x.value.rows(first..<first + rows.count))
            case .shared(let block, _): value.rows(rows).copy(from: block)
            }
        }
        let y = variable(values, studies: studies, needsGradient: true)
        record(operation, if: y.needsGradient)
        return y
    }
}

private struct InterleaveOperation: TapeOperation {
    let x: Variable
    let shared: SharedRows
    let sources: [RowSource]
    let y: Int
    var outputs: [Int] { [y] }

    /// A source with what it is in memory.
    enum Place {
        case own(first: Int)
        case shared(block: Matrix, slot: Int)
    }

    /// Visits the sources with the rows of the result that they are.
    func forEachSource(_ visit: (_ source: Place, _ rows: Range<Int>) -> Void) {
        var (own, row) = (0, 0)
        for source in sources {
            switch source {
            case .own(let count):
                visit(.own(first: own), row..<row + count)
                own += count
                row += count
            case .shared(let slot):
                let block = shared.block(slot)
                visit(.shared(block: block, slot: slot), row..<row + block.rows)
                row += block.rows
            }
        }
        precondition(own == x.rows, "\(own) rows of \(x.rows) are used")
    }

    func backward(_ gradients: [Operand?], on tape: Tape) {
        guard let dy = gradients[0]?.matrix else { return }
        tape.addFullGradient(to: x) { dx, accumulate in
            forEachSource { source, rows in
                guard case .own(let first) = source else { return }
                let target = dx.rows(first..<first + rows.count)
                if accumulate { tape.engine.addInto(target, dy.rows(rows)) } else { target.copy(from: dy.rows(rows)) }
            }
        }
        forEachSource { source, rows in
            guard case .shared(let block, let slot) = source else { return }
            let parameter = Trainable(name: "the shared block \(slot)", value: block, packed: nil, slot: slot)
            shared.ledger.add(to: parameter) { target, accumulate in
                if accumulate { tape.engine.addInto(target, dy.rows(rows)) } else { target.copy(from: dy.rows(rows)) }
            }
        }
    }
}
