import AltaComm
import AltaCore
import AltaPlacement
import Testing

struct JobPlacementTests {
    private func job(_ ranks: [(String, [Int], [Int], Int)]) -> JobPlacement {
        JobPlacement(
            ranks: ranks.map { RankPlacement(host: $0.0, cores: CoreList($0.1), memoryNodes: $0.2, threads: $0.3) })
    }

    @Test func ranksNearOneMemoryAreOneLine() {
        let two = job((0..<128).map { ("h1", [$0], [$0 / 64], 1) })
        #expect(
            two.lines == [
                "ranks 0-63 on h1: one each of cores 0-63 (memory node 0)",
                "ranks 64-127 on h1: one each of cores 64-127 (memory node 1)",
            ])
        let wide = job([("h1", [0, 1], [0], 2), ("h1", [2, 3], [0], 2), ("h1", [4, 5], [1], 2)])
        #expect(
            wide.lines == [
                "ranks 0-1 on h1: 2 each of cores 0-3 (memory node 0)", "rank 2 on h1: cores 4-5 (memory node 1)",
            ])
    }

    @Test func hostsThatAreAlikeAreOneLine() {
        let ranks = (0..<32).map { ("h\($0 / 4 + 1)", [$0 % 4], [0], 1) }
        #expect(
            job(ranks).lines == [
                "ranks 0-3 on h1: one each of cores 0-3 (memory node 0)", "ranks 4-31 on h2 to h8 (7 hosts): as on h1",
            ])
        let last = job(ranks + [("x", [0], [0], 1)])
        #expect(
            last.lines.suffix(2) == [
                "ranks 4-31 on h2 to h8 (7 hosts): as on h1", "rank 32 on x: core 0 (memory node 0)",
            ])
        let fewer = job(ranks.dropLast())
        #expect(fewer.lines.last == "ranks 28-30 on h8: one each of cores 0-2 (memory node 0)")
    }

    @Test func unboundRanksShareAllCores() {
        let unbound = job([("h", [0, 1], [0], 1), ("h", [0, 1], [0], 1)])
        #expect(unbound.lines == ["ranks 0-1 on h: all on cores 0-1 (memory node 0)"])
        #expect(unbound.warnings == [])
        let mixed = job([("h", [0], [0], 1), ("h", [0], [0], 1), ("h", [1], [0], 1)])
        #expect(mixed.lines.count == 2 && mixed.lines[0].contains("ranks 0-1 on h: all on core 0"))
    }

    @Test func sharedCoresAreWarnedOf() {
        let same = job([("h", [0], [0], 1), ("h", [0], [0], 1), ("other", [0], [0], 1)])
        #expect(same.warnings.count == 1)
        #expect(same.warnings.first?.hasPrefix("warning: ranks 0-1 on h share core 0, 2 threads") == true)
        let tooMany = job((0..<4).map { _ in ("h", [0, 1], [0], 1) })
        #expect(
            tooMany.warnings.count == 1 && tooMany.warnings[0].contains("ranks 0-3 on h share cores 0-1, 4 threads"))
        let threads = job([("h", [0], [0], 2), ("h", [1], [0], 1)])
        #expect(threads.warnings.count == 1 && threads.warnings[0].contains("rank 0 on h has 2 threads for core 0"))
        let within = job([("h", [0, 1], [0], 2), ("h", [1], [0], 1)])
        #expect(within.warnings.count == 1 && within.warnings[0].contains("ranks 0-1 on h share cores 0-1, 3 threads"))
        #expect(job((0..<4).map { ("h", [$0], [0], 1) }).warnings == [])
    }

    @Test func everyRankKnowsEveryPlacement() throws {
        let found = try ThreadCollectives.run(rankCount: 3) { collectives in
            let own = RankPlacement(
                host: "h\(collectives.rank)", cores: CoreList([collectives.rank]), memoryNodes: [0], threads: 1)
            return try JobPlacement.gather(own, collectives: collectives).lines
        }
        #expect(
            found.allSatisfy { $0 == found[0] } && found[0].count == 3
                && found[0][2] == "rank 2 on h2: core 2 (memory node 0)")
    }

    @Test func thisRanksCores() throws {
        let own = RankPlacement(host: "h", threads: 3, topology: try MachineTopology.current())
        let allowed = try ProcessAffinity.current()
        #expect(Set(own.cores.cores).isSubset(of: allowed.cores) && !own.cores.cores.isEmpty)
        #expect(own.threads == 3 && !own.memoryNodes.isEmpty)
    }

    @Test func theLogHasAnObjectARank() throws {
        let text = try job([("h", [0, 1, 2], [0, 1], 3)]).json.text()
        #expect(text == #"[{"rank":0,"host":"h","cores":"0-2","memory_nodes":[0,1],"threads":3}]"#)
    }
}
