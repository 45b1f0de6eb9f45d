import AltaCore
import Testing

@Suite struct CheckFindingTests {
    private static let findings: [CheckFinding] = [
        .ok("clock", "one host"),
        .note("speed", "slow", remedy: "look", values: ["rate": 1.5, "ranks": [1, 2]]),
        .failed("output", "read-only", remedy: "another folder"),
        .failed("host names", "node7", remedy: "wait", isTransient: true),
    ]

    @Test(arguments: findings) func jsonReadsBack(finding: CheckFinding) throws {
        #expect(CheckFinding(json: try JSONValue(parsing: try finding.json.text())) == finding)
    }

    @Test func otherJSONIsNoFinding() throws {
        for text in ["{}", "3", #"{"check":"a","verdict":"maybe","finding":"b"}"#, #"{"begun":"clock"}"#] {
            #expect(CheckFinding(json: try JSONValue(parsing: text)) == nil)
        }
    }

    @Test func linesAreOneLineEach() {
        #expect(
            Self.findings.map(\.line) == [
                "ok   clock: one host", "note speed: slow; look", "FAIL output: read-only; another folder",
                "FAIL host names: node7; wait",
            ])
        #expect(CheckFinding.ok("a", "b\nc\r\nd").line == "ok   a: b c d")
    }

    @Test func whatMayPassIsToldFromWhatWillNot() {
        let (ok, note, lasting, passing) = (
            Self.findings[0], Self.findings[1], Self.findings[2], Self.findings[3]
        )
        #expect([CheckFinding]().exitCode == .done)
        #expect([ok, note].exitCode == .done)
        #expect([ok, passing].exitCode == .stoppedEarly)
        #expect([passing, lasting].exitCode == .failed)
        #expect([note, lasting].exitCode == .failed)
    }

    @Test func anErrorKeepsItsRemedyAndWhetherItMayPass() {
        let error = AltaError("no x", why: "y", remedy: "z", file: "f", exitCode: .stoppedEarly)
        let finding = CheckFinding.failed("data", error, remedy: "other")
        #expect(finding.line == "FAIL data: no x (f): y; z" && finding.isTransient)
        let bare = CheckFinding.failed("data", AltaError("no x"), remedy: "other")
        #expect(bare.line == "FAIL data: no x; other" && !bare.isTransient)
    }

    @Test func ranksAreDrawnTogetherByHost() {
        #expect(RankList.text([3]) == "rank 3")
        #expect(RankList.text([7, 0, 1, 2]) == "ranks 0-2, 7")
        let hosts = ["a", "a", "b", "b", "b", "b"]
        #expect(RankList.text([0, 1, 2, 5], hosts: hosts) == "ranks 0-1 on a, ranks 2, 5 on b")
        #expect(RankList.text([2, 0], hosts: ["a", "b", "a"]) == "ranks 0, 2 on a")
    }
}
