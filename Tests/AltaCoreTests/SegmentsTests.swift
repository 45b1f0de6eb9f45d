import AltaCore
import Testing

@Suite struct SegmentsTests {
    @Test func lengthsBecomeOffsets() {
        let segments = Segments(lengths: [3, 0, 2])
        #expect(segments.offsets == [0, 3, 3, 5])
        #expect(segments.count == 3 && segments.rows == 5)
        #expect(segments[0] == 0..<3 && segments[1].isEmpty && segments[2] == 3..<5)
        #expect(segments.lengths == [3, 0, 2])
    }

    @Test func noSequenceHasNoRows() {
        let none = Segments(lengths: [])
        #expect(none.count == 0 && none.rows == 0 && none.lengths.isEmpty)
    }

    @Test func equalLengths() {
        #expect(Segments(count: 3, length: 4) == Segments(lengths: [4, 4, 4]))
    }

    @Test func neighboursAreGrouped() {
        let segments = Segments(lengths: [1, 2, 3, 4, 5, 6])
        #expect(segments.grouped(by: 2).lengths == [3, 7, 11])
        #expect(segments.grouped(by: 1) == segments)
        #expect(segments.grouped(by: 6).lengths == [21])
    }
}
