import AltaCore
import AltaTrain
import Testing

/// Pairs of hosts, clocks, images and configurations, as a preflight judges them.
@Suite struct PreflightNetworkTests {
    @Test(arguments: [0, 1, 2, 3, 4, 7, 8, 64, 65])
    func everyTwoMeetOnceAndNobodyIsInTwoPairsAtATime(count: Int) {
        let rounds = PairRounds.rounds(count)
        #expect(rounds.count == (count < 2 ? 0 : count - 1 + count % 2))
        var seen: Set<[Int]> = []
        for round in rounds {
            let places = round.flatMap { [$0.first, $0.second] }
            #expect(Set(places).count == places.count)
            for pair in round { #expect(pair.first < pair.second && seen.insert([pair.first, pair.second]).inserted) }
        }
        #expect(seen.count == count * (count - 1) / 2)
    }

    @Test func messagesAreAsLargeAsTheirTimeAllows() {
        #expect(PairMeter.size(probeSeconds: 0.02, target: 0.02) == 1 << 18)
        #expect(PairMeter.size(probeSeconds: 1, target: 0.02) == 1 << 18)
        #expect(PairMeter.size(probeSeconds: 0.002, target: 0.02) == 10 << 18)
        #expect(PairMeter.size(probeSeconds: 0, target: 0.02) == 8 << 20)
    }

    private let hosts = ["a", "b", "c", "d"]

    private func pairs(_ slow: (Int, Int) -> (latency: Double, rate: Double)?) -> [PairMeasure] {
        (0..<4).flatMap { first in
            (first + 1..<4).map { second in
                let odd = slow(first, second)
                return PairMeasure(
                    first: first, second: second, latencySeconds: odd?.latency ?? 10e-6,
                    bytesPerSecond: odd?.rate ?? 1e9)
            }
        }
    }

    @Test func evenLinksAreFine() {
        let found = NetworkCheck.judge(pairs: pairs { _, _ in nil }, near: [], hosts: hosts)
        #expect(found.map(\.verdict) == [.ok])
        #expect(found[0].finding.hasPrefix("6 pairs between hosts, the median 10.0 us and 1.0 GB/s"))
        #expect(NetworkCheck.judge(pairs: [], near: [], hosts: ["a"])[0].finding.hasPrefix("one rank"))
    }

    @Test func theHostOfSlowLinksIsNamed() {
        let found = NetworkCheck.judge(
            pairs: pairs { first, second in second == 3 && first > 0 ? (10e-6, 0.49e9 - Double(first)) : nil },
            near: [], hosts: hosts)
        #expect(found.map(\.verdict) == [.note])
        #expect(found[0].finding.contains("2 slower, the slowest rank 2 on c with rank 3 on d: 10.0 us and 490 MB/s"))
        #expect(found[0].finding.hasSuffix("; d is in most of them"))
    }

    @Test func aLateLinkIsToldWhereItMatters() {
        let late = NetworkCheck.judge(
            pairs: pairs { first, second in first == 0 && second == 1 ? (51e-6, 1e9) : nil }, near: [], hosts: hosts)
        #expect(late.map(\.verdict) == [.note] && late[0].finding.contains("rank 0 on a with rank 1 on b: 51.0 us"))
        let slightly = pairs { first, second in first == 0 && second == 1 ? (49e-6, 0.51e9) : nil }
        #expect(NetworkCheck.judge(pairs: slightly, near: [], hosts: hosts).map(\.verdict) == [.ok])
    }

    @Test func clocksAreToldFromOneSecondOn() {
        func offset(_ seconds: Double) -> ClockOffset {
            ClockOffset(asked: 100, answer: 100.25 + seconds, returned: 100.5)
        }
        #expect(offset(0.5).seconds == 0.5 && offset(0).roundTripSeconds == 0.5)
        #expect(ClockCheck.judge([])[0].finding == "one host")
        #expect(ClockCheck.judge([("b", offset(1)), ("c", offset(-1))])[0].verdict == .ok)
        let found = ClockCheck.judge([("b", offset(1.5)), ("c", offset(-2)), ("d", offset(0))])[0]
        #expect(found.verdict == .note && found.finding == "b is 1.5 s ahead, c is 2.0 s behind")
    }

    @Test func aSlowSmallAllReduceIsNoted() {
        func found(_ seconds: Double) -> CheckFinding {
            CollectiveCheck.judge(
                [.init(byteCount: 4096, allReduceSeconds: seconds, allGatherSeconds: 1e-6)], ranks: 2)[0]
        }
        #expect(found(4e-3).verdict == .ok && found(6e-3).verdict == .note)
        #expect(found(4e-3).finding == "all-reduce / all-gather over 2 ranks: 4 KiB 4.00 ms / 1.0 us")
    }

    @Test func rankZerosHostLooksAtEveryStudyAndOthersAtSome() {
        let hosts = ["a", "b", "a", "a", "b"]
        let own = [0, 2, 3].flatMap { ImageCheck.rows(5000, rank: $0, hosts: hosts) }
        #expect(own.sorted() == Array(0..<5000))
        let other = [1, 4].flatMap { ImageCheck.rows(5000, rank: $0, hosts: hosts) }.sorted()
        #expect(other == (0..<1000).map { $0 * 5 })
        #expect([1, 4].flatMap { ImageCheck.rows(3, rank: $0, hosts: hosts) }.sorted() == [0, 1, 2])
    }

    @Test func studiesThatWereNotLookedAtAreTold() {
        func found(_ isAll: Bool, total: Int = 20) -> CheckFinding {
            let facts = [ImageCheck.Looked(studies: 7, isAll: isAll), .init(studies: 5, isAll: true)]
            return ImageCheck.judge(.init(hosts: ["a", "a"], facts: facts, errors: [nil, nil]), total: total)[0]
        }
        #expect(found(true).verdict == .ok && found(true, total: 0).finding == "in a pack")
        #expect(found(false).line.hasPrefix("note images: those of 12 of 20 studies are there; there was no time"))
    }

    @Test func failuresOfOneReasonAreFolded() {
        let error = AltaError("no table", remedy: "give one", file: "t.csv")
        let reports = RankReports<Bool>(
            hosts: ["a", "a", "b", "b"], facts: [nil, true, nil, nil], errors: [error, nil, error, AltaError("full")])
        #expect(
            reports.failures("data", remedy: "look").map(\.line) == [
                "FAIL data: no table (t.csv) (rank 0 on a, rank 2 on b); give one",
                "FAIL data: full (rank 3 on b); look",
            ])
    }

    @Test func configurationsThatDifferAreToldByKey() throws {
        let texts = [#"{"a":1,"data":{"b":2}}"#, #"{"a":1,"data":{"b":3}}"#]
        let reports = RankReports<String>(hosts: ["a", "b"], facts: texts, errors: [nil, nil])
        let found = try ConfigurationCheck.judge(reports)
        #expect(found.map(\.verdict) == [.failed])
        #expect(found[0].finding == "rank 1 on b: not that of rank 0 in data.b")
        let same = RankReports<String>(hosts: ["a", "b"], facts: [texts[0], texts[0]], errors: [nil, nil])
        #expect(try ConfigurationCheck.judge(same)[0].verdict == .ok)
    }

    @Test func checkpointsMustFit() throws {
        var config = RunConfig()
        config.model = try #require(ModelConfig.preset("alta-tiny"))
        config.model.vocabulary = 100
        config.keepCheckpoints = 1
        let bytes = DiskCheck.neededBytes(config, sides: [.vision, .text])
        config.keepCheckpoints = 4
        #expect(DiskCheck.neededBytes(config, sides: [.vision, .text]) == 2 * bytes)
        #expect(DiskCheck.neededBytes(config, sides: []) > 2 * bytes)
        func verdict(_ free: Double?) -> CheckFinding.Verdict {
            DiskCheck.judge(freeBytes: free, neededBytes: 100, keep: 1, folder: "f")[0].verdict
        }
        #expect(verdict(100) == .ok && verdict(99) == .failed && verdict(nil) == .note)
    }
}
