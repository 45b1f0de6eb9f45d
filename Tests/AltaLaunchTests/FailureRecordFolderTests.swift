import AltaCore
import AltaLaunch
import AltaTestSupport
import Foundation
import Testing

/// Records as ranks write them and the launcher finds them.
@Suite struct FailureRecordFolderTests {
    private static let own = FailureRecord(
        rank: 1, host: "node<1>", phase: "data", step: nil, message: "cannot read \"a\"\nb", exitCode: 1,
        secondsSince1970: 1_700_000_000.25)
    private static let stall = FailureRecord(
        rank: 1, host: "node", phase: "forward", step: 5, message: "rank 1 did not come", exitCode: 75,
        secondsSince1970: 1_700_000_001.5)

    /// What a rank tells of its own end, and what another tells of it.
    private static func folder() throws -> String {
        let folder = try SharedMaterial.temporaryFolder("records")
        try stall.write(folder: folder, name: FailureRecord.fileName(rank: 1, seenBy: 0))
        try own.write(folder: folder, name: FailureRecord.fileName(rank: 1))
        return folder
    }

    private static func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    @Test func aStallDoesNotOverwriteTheRanksOwnRecord() throws {
        let folder = try Self.folder()
        #expect(try Self.names(folder) == ["rank-1-seen-by-0.json", "rank-1.json"])
        #expect(FailureRecord.load(folder: folder) == [Self.own, Self.stall])
    }

    @Test func bothAreSetAsideAndCleared() throws {
        let folder = try Self.folder()
        FailureRecord.setAside(folder: folder, attempt: 2)
        #expect(try Self.names(folder) == ["attempt-2-rank-1-seen-by-0.json", "attempt-2-rank-1.json"])
        #expect(FailureRecord.load(folder: folder).isEmpty)
        FailureRecord.clear(folder: folder)
        #expect(try Self.names(folder).isEmpty)
    }

    /// The earlier one is replaced as a whole.
    @Test func aRecordReplacesAnEarlierOne() throws {
        let folder = try Self.folder()
        var other = Self.own
        other.message = "short"
        try other.write(folder: folder, name: FailureRecord.fileName(rank: 1))
        #expect(FailureRecord.load(folder: folder).first == other)
        #expect(try Self.names(folder).count == 2)
    }

    @Test func aFolderThatIsNotThereIsAnError() {
        #expect(throws: AltaError.self) {
            try Self.own.write(folder: "/nowhere/at/all", name: FailureRecord.fileName(rank: 1))
        }
    }
}
