import AltaComm
import AltaCore
import AltaTestSupport
import Foundation
import Synchronization
import Testing

/// What a rank publishes, as others read it.
@Suite struct RankBoardTests {
    private static func open(_ folder: String, rank: Int = 0) throws -> RankBoard {
        try RankBoard.open(environment: [
            RankStatus.folderVariable: folder, "OMPI_COMM_WORLD_RANK": "\(rank)", "OMPI_COMM_WORLD_SIZE": "3",
            "PMIX_NAMESPACE": "a job",
        ])
    }

    @Test func whatIsPublishedIsReadFromTheFolder() throws {
        let folder = try SharedMaterial.temporaryFolder("status")
        let before = Date().timeIntervalSince1970
        let boards = try [2, 0].map { try Self.open(folder, rank: $0) }
        boards[0].publish(step: 12)
        boards[0].publish(completedSteps: 11)
        boards[0].publish(phase: "communication")
        boards[0].enter(
            CollectiveCall(kind: .broadcast, count: 7, type: .uint64, root: 1), group: 5, sequence: 3)
        boards[0].beat()
        let statuses = RankStatus.load(folder: folder)
        #expect(statuses.map(\.rank) == [0, 2])
        let status = try #require(statuses.last)
        #expect(status.rankCount == 3 && status.processIdentifier == getpid() && !status.host.isEmpty)
        #expect(status.step == 12 && status.completedSteps == 11 && status.phase == "communication")
        #expect(status.isInCollective && status.heartbeatCount == 1 && status.progress == 0)
        #expect((before...Date().timeIntervalSince1970).contains(status.since))
        #expect(status.operation?.call == "broadcast of 7 uint64 from rank 1")
        #expect(status.operation?.step == 12 && status.operation?.phase == "communication")
        #expect(status.operation?.group == 5 && status.operation?.sequence == 3 && status.operation?.ended == nil)
        #expect(status.job == statuses[0].job && status.job != 0)
        boards[0].noteProgress()
        #expect(RankStatus.load(folder: folder, rank: 2)?.progress ?? 0 >= before)
        boards[0].leave()
        #expect(RankStatus.load(folder: folder, rank: 2)?.isInCollective == false)
        #expect(RankStatus.load(folder: folder, rank: 2)?.operation?.ended != nil)
    }

    /// As on a file system that a server has: stores stay in memory until they are copied.
    @Test func aCopiedBoardIsSeenOnceItIsCopiedOut() throws {
        let folder = try SharedMaterial.temporaryFolder("status")
        let board = try RankBoard.open(
            environment: [RankStatus.folderVariable: folder, "OMPI_COMM_WORLD_RANK": "1"], isLocal: { _ in false })
        #expect(board.isCopied && RankStatus.load(folder: folder).isEmpty)
        board.publish(step: 12)
        board.beat()
        board.copyOut()
        let status = try #require(RankStatus.load(folder: folder, rank: 1))
        #expect(status.isCopied && status.step == 12 && status.heartbeatCount == 1)
        board.publish(step: 13)
        board.beat()
        #expect(RankStatus.load(folder: folder, rank: 1) == status)
        board.copyOut()
        #expect(RankStatus.load(folder: folder, rank: 1)?.step == 13)
        #expect(try !Self.open(folder).isCopied && RankStatus.load(folder: folder, rank: 0)?.isCopied == false)
    }

    @Test func theRingKeepsTheLastOperationsInOrder() throws {
        let board = try RankBoard.inMemory()
        for number in 1...300 {
            board.enter(CollectiveCall(kind: .allReduce, count: number), group: 0, sequence: UInt64(number))
            if number < 300 { board.leave() }
        }
        let operations = try #require(board.status()).operations
        #expect(operations.map(\.number) == Array(173...300))
        #expect(operations.map(\.count) == Array(173...300))
        #expect(operations.allSatisfy { ($0.ended == nil) == ($0.number == 300) })
    }

    /// Waiting in shared memory goes on around other operations.
    @Test func theOuterOperationIsAtHandAgainAfterAnInnerOne() throws {
        let board = try RankBoard.inMemory()
        board.enter(CollectiveCall(kind: .sharedMemory), group: 1, sequence: 1)
        for number in 1...200 {
            board.enter(CollectiveCall(kind: .startAllReduce), group: 2, sequence: UInt64(number))
            board.leave()
        }
        #expect(board.status()?.operation?.kind == .sharedMemory && board.status()?.isInCollective == true)
        board.leave()
        #expect(board.status()?.operation?.kind == .sharedMemory && board.status()?.isInCollective == false)
        #expect(board.status()?.operations.last?.sequence == 200)
    }

    /// A whole state is one state: the operation's fields belong together, whatever is written meanwhile.
    @Test func noWholeStateIsAMixture() throws {
        let folder = try SharedMaterial.temporaryFolder("status")
        let board = try Self.open(folder)
        let path = try #require(board.path)
        let isOver = Atomic<Bool>(false)
        let writer = Thread {
            var number = 0
            while !isOver.load(ordering: .relaxed) {
                number += 1
                board.enter(
                    CollectiveCall(kind: .allReduce, count: number), group: UInt64(number), sequence: UInt64(number))
                board.leave()
                if number % 8 == 0 { usleep(1) }
            }
        }
        writer.start()
        defer { isOver.store(true, ordering: .relaxed) }
        var seen = 0
        let reads = 20_000
        for _ in 0..<reads {
            let bytes = [UInt8](try #require(FileManager.default.contents(atPath: path)))
            let words = bytes.withUnsafeBytes { Array($0.bindMemory(to: UInt64.self)) }
            guard RankStatus.isWhole(words), let operation = RankStatus(words: words)?.operation else { continue }
            let numbers = Set([operation.number, operation.count, operation.sequence, Int(operation.group)])
            #expect(numbers.count == 1)
            seen += 1
        }
        #expect(seen >= reads / 100, "\(seen) of \(reads)")
    }

    /// What a reader that came in the middle of a change finds.
    @Test func aChangeUnderWayIsNoWholeState() throws {
        var words = [UInt64](repeating: 0, count: RankStatusLayout.wordCount)
        #expect(RankStatus.isWhole(words))
        words[RankStatusLayout.writingWord] = 1
        #expect(!RankStatus.isWhole(words))
        words[RankStatusLayout.writtenWord] = 1
        #expect(RankStatus.isWhole(words))
    }

    @Test func whatIsNoStatusIsLeftOut() throws {
        let folder = try SharedMaterial.temporaryFolder("status")
        let board = try Self.open(folder, rank: 1)
        let path = try #require(board.path)
        let bytes = try #require(FileManager.default.contents(atPath: path))
        var other = bytes
        other[8] = 99
        let files: [String: Data] = [
            "rank-2.status": bytes.dropLast(), "rank-3.status": bytes + [0], "rank-4.status": other,
            "rank-5.status": Data(repeating: 0xFF, count: bytes.count), "rank-6.status": Data(), "rank-7.json": bytes,
        ]
        for (name, data) in files { try data.write(to: URL(filePath: "\(folder)/\(name)")) }
        try FileManager.default.createDirectory(
            atPath: "\(folder)/rank-8.status", withIntermediateDirectories: false)
        #expect(RankStatus.load(folder: folder).map(\.rank) == [1])
        #expect(RankStatus.load(folder: "\(folder)/none").isEmpty)
    }

    /// What an earlier job left in the folder says nothing about this one.
    @Test func statusesOfAnotherJobDoNotCount() throws {
        let folder = try SharedMaterial.temporaryFolder("status")
        let job = try #require(try Self.open(folder).status()).job
        #expect(FolderStatuses(folder: folder, job: job).status(of: 0)?.rank == 0)
        #expect(FolderStatuses(folder: folder, job: job &+ 1).status(of: 0) == nil)
        #expect(FolderStatuses(folder: folder, job: job).status(of: 1) == nil)
    }

    /// A board and a debugger look for a rank in the same place, where several variables name one.
    @Test func theRankIsTheDebuggers() {
        let environment = ["PMI_RANK": "1", "PMIX_RANK": "2"]
        #expect(LaunchedRank(environment).rank == DebugRequest.rank(environment: environment))
        #expect(LaunchedRank(["PMI_RANK": "-1"]).rank == 0 && LaunchedRank([:]).rank == 0)
    }

    /// A whole file of any bytes is read without a fault.
    @Test func anyBytesAreRead() throws {
        let folder = try SharedMaterial.temporaryFolder("status")
        let board = try Self.open(folder, rank: 0)
        board.enter(CollectiveCall(kind: .barrier), group: 0, sequence: 1)
        let path = try #require(board.path)
        var bytes = [UInt8](try #require(FileManager.default.contents(atPath: path)))
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            for place in bytes.indices.dropFirst(16) { bytes[place] = UInt8.random(in: 0...255, using: &generator) }
            try Data(bytes).write(to: URL(filePath: "\(folder)/rank-9.status"))
            #expect(RankStatus.load(folder: folder).count == 2)
        }
    }

    @Test func aFolderThatCannotBeMadeEndsNothing() throws {
        let folder = try SharedMaterial.temporaryFolder("status")
        try Data().write(to: URL(filePath: "\(folder)/file"))
        let board = try Self.open("\(folder)/file/status")
        #expect(board.path == nil)
        #expect(board.obstacle?.why == "Not a directory")
        board.publish(step: 3)
        #expect(board.status()?.step == 3)
    }

    @Test func withoutALauncherTheBoardIsMemory() throws {
        let board = try RankBoard.open(environment: [:])
        #expect(board.path == nil && board.obstacle == nil)
        #expect(board.status()?.rank == 0)
    }
}
