import AltaLaunch
import Foundation
import Testing

/// What is shown on a screen that takes bytes when it likes.
@Suite struct ScreenTests {
    private func text(_ queue: inout ScreenQueue) -> String {
        var bytes: [UInt8] = []
        while queue.count > 0 {
            let piece = Array(queue.next)
            bytes += piece
            queue.took(piece.count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func whatHasRoomIsShownAsItIs() {
        var queue = ScreenQueue(limit: 20_000)
        let given = String(repeating: "a line\nstep 1\rstep 2\r", count: 900)
        for byte in given.utf8 { queue.append([byte]) }
        #expect(queue.count == given.utf8.count && queue.next.count == 4096)
        #expect(queue.resume() == nil)
        #expect(text(&queue) == given)
        #expect(queue.unshownLines == 0)
    }

    @Test func wholeLinesAreLeftOutAndCounted() {
        var queue = ScreenQueue(limit: 10)
        queue.append("one\ntwo\nthree\nfo".utf8)
        queue.append("ur\nfive".utf8)
        #expect(queue.count == 8 && queue.resume() == nil)
        #expect(queue.unshownLines == 5)
        queue.took(4)
        #expect(queue.resume() == 3)
        // What is left of a line that was begun while there was no room is no line.
        queue.append("!\nsix\n".utf8)
        #expect(text(&queue) == "two\nsix\n" && queue.resume() == nil)
    }

    @Test func aLineThatIsCutEnds() {
        var queue = ScreenQueue(limit: 10)
        queue.append("a begin".utf8)
        queue.append(" and an end\nmore\n".utf8)
        #expect(text(&queue) == "a begin")
        #expect(queue.resume() == 2)
        queue.append("on\n".utf8)
        #expect(text(&queue) == "\non\n")
    }

    @Test func nothingIsKeptBeyondTheLimit() {
        var queue = ScreenQueue(limit: 1 << 16)
        for number in 0..<100_000 { queue.append("line \(number)\n".utf8) }
        #expect(queue.count <= 1 << 16)
        let shown = text(&queue).split(separator: "\n").count
        #expect(queue.resume() == 100_000 - shown)
    }

    /// A pipe, as a pager or another program leaves it unread: writing returns, and goes on when it is read.
    @Test func aPipeThatNobodyReadsIsNotWaitedFor() throws {
        signal(SIGPIPE, SIG_IGN)
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        var stream = ScreenStream(ends[1], limit: 100_000)
        let line = [UInt8](String(repeating: "x", count: 99).utf8) + [UInt8(ascii: "\n")]
        for _ in 0..<3000 { stream.write(line) }
        #expect(stream.queue.count > 99_900 && stream.resume() == nil)
        // The parent's descriptor is as it was.
        #expect(fcntl(ends[1], F_GETFL) & O_NONBLOCK == 0)
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var shown = 0
        for _ in 0..<1000 where stream.queue.count > 0 {
            shown += max(0, read(ends[0], &buffer, buffer.count))
            stream.flush()
        }
        while case let count = read(ends[0], &buffer, buffer.count), count > 0 { shown += count }
        #expect(stream.queue.count == 0)
        #expect(stream.resume() == 3000 - shown / line.count && shown % line.count == 0)
        close(ends[0])
        // Without a reader it is no longer kept.
        stream.write(line)
        #expect(stream.queue.count == 0)
        close(ends[1])
    }
}
