import AltaTensor
import Testing

@Suite struct MatrixTests {
    @Test func subViewsKeepSlackOnlyAtTheEnd() {
        let arena = Arena()
        let matrix = arena.matrix(17, 3)
        #expect(matrix.slackRows == 15)
        #expect(matrix.rows(2..<17).slackRows == 15)
        #expect(matrix.rows(0..<16).slackRows == 0)
        #expect(matrix.rows(16..<17).base == matrix.base + 48)
        #expect(arena.matrix(32, 3).slackRows == 0)
    }

    @Test func elementsAreRowMajor() {
        let region = Region(byteCount: 24)
        defer { withExtendedLifetime(region) {} }
        let matrix = region.matrix(2, 3)
        #expect(matrix.toArray() == [0, 0, 0, 0, 0, 0])
        matrix.copy(from: [0, 1, 2, 3, 4, 5])
        #expect(matrix[1, 0] == 3)
        matrix[0, 2] = 9
        #expect(matrix.toArray() == [0, 1, 9, 3, 4, 5])
    }

    @Test func arenasAlignAndDoNotOverlap() {
        let arena = Arena(chunkBytes: 4096)
        let a = arena.matrix(3, 5)
        let b: UnsafeMutableBufferPointer<Int64> = arena.buffer(3)
        let c = arena.matrix(100, 100)
        a.fill(1)
        b.update(repeating: 2)
        c.fill(3)
        for address in [UnsafeRawPointer(a.base), UnsafeRawPointer(c.base)] {
            #expect(UInt(bitPattern: address) % 64 == 0)
        }
        #expect(a.elements.allSatisfy { $0 == 1 })
        #expect(b.allSatisfy { $0 == 2 })
    }

    @Test func marksGiveMemoryBackForTheNextStep() {
        for arena in [Arena(chunkBytes: 4096), Arena()] { expectNothingNew(arena) }
    }

    private func expectNothingNew(_ arena: Arena) {
        _ = arena.matrix(1, 10)
        let mark = arena.mark
        let used = arena.usedBytes
        for _ in 0..<3 {
            for rows in [10, 300, 20] { arena.matrix(rows, 64).fill(1) }
            let peak = arena.highWaterBytes
            let reserved = arena.reservedBytes
            arena.release(to: mark)
            #expect(arena.usedBytes == used)
            for rows in [10, 300, 20] { arena.matrix(rows, 64).fill(2) }
            #expect(arena.highWaterBytes == peak)
            #expect(arena.reservedBytes == reserved)
            arena.release(to: mark)
        }
        #expect(arena.mark == mark)
        // 16, 304 and 32 rows of 64 floats and what was there before.
        #expect(arena.highWaterBytes == used + (16 + 304 + 32) * 64 * 4)
    }
}
