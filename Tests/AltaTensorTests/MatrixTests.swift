import AltaTensor
import Testing

@Suite struct MatrixTests {
    @Test func subViewsKeepSlackOnlyAtTheEnd() {
        let arena = Arena()
        let matrix = arena.matrix(17, 3)
        #expect(matrix.slackRows == 15)
        #expect(matrix.rows(2..<17).slackRows == 15)
        #expect(matrix.rows(0..<16).slackRows == 0)
    }
}
