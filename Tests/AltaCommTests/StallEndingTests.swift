import AltaComm
import AltaCore
import AltaTestSupport
import Foundation
import Synchronization
import Testing

/// A job ends whatever hangs beside it.
@Suite struct StallEndingTests {
    private static func stall() -> Stall {
        Stall.find(
            [waiting(0, sequence: 6), busy(1, entered: 5, in: "forward")], reporter: 0, waitedSeconds: 3,
            members: nil)
    }

    /// Standard error may be a pipe that nobody empties.
    @Test func aReaderThatHangsDoesNotKeepTheJobFromEnding() throws {
        let folder = try SharedMaterial.temporaryFolder("ending")
        let code = Mutex<Int32?>(nil)
        let isReleased = DispatchSemaphore(value: 0)
        defer { isReleased.signal() }
        var ending = StallEnding(
            environment: [FailureRecord.folderVariable: folder], board: try RankBoard.inMemory(),
            say: { _ in isReleased.wait() }, exit: { given in code.withLock { $0 = given } })
        ending.writingSeconds = 1
        ending.perform(Self.stall())
        #expect(code.withLock { $0 } == ExitCode.stoppedEarly.rawValue)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["rank-1-seen-by-0.json"])
    }

    @Test func allLinesAreSaidBeforeTheEnd() throws {
        let said = Mutex<[String]>([])
        let atTheEnd = Mutex<[String]>([])
        let ending = StallEnding(
            environment: [:], board: try RankBoard.inMemory(), say: { line in said.withLock { $0.append(line) } },
            exit: { _ in
                let lines = said.withLock { $0 }
                atTheEnd.withLock { $0 = lines }
            })
        ending.perform(Self.stall())
        #expect(atTheEnd.withLock { $0 } == Self.stall().lines)
    }

    /// Work that hangs is not waited for, and more of it does not pile up.
    @Test func workThatHangsIsLeftAlone() {
        let side = SideWork(name: "a test")
        let isReleased = DispatchSemaphore(value: 0)
        let isDone = DispatchSemaphore(value: 0)
        #expect(side.offer { isReleased.wait() })
        #expect(!side.offer {})
        isReleased.signal()
        var isTaken = false
        for _ in 0..<10_000 where !isTaken {
            isTaken = side.offer { isDone.signal() }
            usleep(1000)
        }
        #expect(isTaken && isDone.wait(timeout: .now() + 10) == .success)
    }
}
