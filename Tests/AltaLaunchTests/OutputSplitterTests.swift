import AltaLaunch
import AltaTestSupport
import Foundation
import Testing

@Suite struct OutputSplitterTests {
    /// As printed by mpirun 4.1.4 for two ranks that write half lines, progress with carriage returns and blank lines.
    static let recorded =
        "[1,0]<stdout>:partial 0 [1,1]<stdout>:partial 1 [1,0]<stdout>:rest\n[1,0]<stdout>:line2\n"
        + "[1,0]<stdout>:prog 1\rprog 2\r[1,1]<stdout>:rest\n[1,1]<stdout>:prog 1\r[1,0]<stdout>:prog 3\r"
        + "[1,0]<stdout>:\n[1,0]<stdout>:\n[1,0]<stdout>:[x] a: b\n[1,12]<stderr>:no end" + ruler
        + "mpirun noticed that process rank 1 with PID 0 on node vm exited on signal 9 (Killed).\n" + ruler
        + "[vm:22] 3 more\n"
    static let ruler = String(repeating: "-", count: 74) + "\n"

    private func split(_ text: String, pieces: Int) -> [OutputSource: String] {
        var splitter = OutputSplitter()
        var found: [OutputSource: [UInt8]] = [:]
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            splitter.append(bytes[start..<min(start + pieces, bytes.count)]) { found[$0, default: []] += $1 }
        }
        splitter.finish { found[$0, default: []] += $1 }
        return found.mapValues { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [1, 2, 3, 5, 7, 16, 64, 4096]) func everyCutGivesTheSame(pieces: Int) {
        let found = split(Self.recorded, pieces: pieces)
        #expect(found[.rank(0)] == "partial 0 rest\nline2\nprog 1\rprog 2\rprog 3\r\n\n[x] a: b\n")
        #expect(found[.rank(1)] == "partial 1 rest\nprog 1\r")
        #expect(found[.rank(12)] == "no end")
        #expect(
            found[.mpirun] == Self.ruler
                + "mpirun noticed that process rank 1 with PID 0 on node vm exited on signal 9 (Killed).\n" + Self.ruler
                + "[vm:22] 3 more\n")
        #expect(found.count == 4)
    }

    @Test func whatOnlyLooksLikeATagIsText() {
        let text = "[1,0]<stdout>:[1,2]<stdin>: [12] [1,x]<stdout>:[\n[1,0]<stdout>:---\n"
        #expect(split(text, pieces: 1)[.rank(0)] == "[1,2]<stdin>: [12] [1,x]<stdout>:[\n---\n")
        #expect(split("[1,0]<std", pieces: 4) == [.mpirun: "[1,0]<std"])
        #expect(split("[1,3]<stdout>:", pieces: 4) == [:])
    }

    @Test func logsAndLastLines() throws {
        let folder = try SharedMaterial.temporaryFolder("output")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var output = RankOutput(folder: folder)
        for text in ["a\r\nb\rc\r", "\n\nerror: d\ne"] { output.append(ArraySlice(Array(text.utf8)), of: .rank(3)) }
        #expect(try String(contentsOfFile: "\(folder)/rank-3.log", encoding: .utf8) == "a\nb\nc\n\nerror: d\ne")
        #expect(output.lastLines(of: .rank(3)) == ["a", "b", "c", "error: d", "e"])
        #expect(output.errorLines(of: .rank(3)) == ["error: d"])
        #expect(output.firstRankWithError == 3)
        for number in 0..<5000 { output.append(ArraySlice(Array("\(number)\n".utf8)), of: .rank(4)) }
        #expect(output.lastLines(of: .rank(4)).last == "4999")
        #expect(output.lastLines(of: .rank(4)).count == 40)
    }
}
