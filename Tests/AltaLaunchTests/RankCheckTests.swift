import AltaCore
import AltaLaunch
import Testing

@Suite struct RankCheckTests {
    private static let ok = #"{"check":"clock","verdict":"ok","finding":"one host"}"#
    private static let silence =
        #"{"check":"network","verdict":"fail","finding":"silence","remedy":"ports","ends_job":true}"#

    private func checks(_ lines: [(Int, String)]) -> RankChecks {
        var checks = RankChecks()
        for (rank, line) in lines { _ = checks.read(line, rank: rank) }
        return checks
    }

    @Test func findingsOfRankZeroAreTakenAndItsEndSeen() {
        var checks = RankChecks()
        #expect(checks.read(#"{"begun":"clock"}"#, rank: 0) == nil && checks.current == "clock")
        #expect(checks.read(Self.ok, rank: 0) == .ok("clock", "one host"))
        #expect(checks.read("a line of MPI", rank: 1) == nil && checks.read("{broken", rank: 0) == nil)
        #expect(!checks.isComplete)
        #expect(checks.read(#"{"exit_code":0}"#, rank: 0) == nil && checks.isComplete)
        #expect(checks.judge(.init(status: 0, limit: .silence(seconds: 60))) == nil)
        #expect(checks.findings.count == 1)
    }

    @Test func whatARankSaysByItselfIsTheCause() {
        let checks = checks([(1, Self.silence), (0, Self.silence), (2, Self.silence)])
        #expect(checks.findings.count == 1 && checks.isBroken && !checks.isComplete)
        #expect(checks.judge(.init(status: 1, limit: .silence(seconds: 60))) == nil)
    }

    @Test func silenceIsToldWithItsPlace() {
        let early = checks([]).judge(.init(status: nil, limit: .silence(seconds: 60)))
        #expect(early?.finding == "nothing was heard of the ranks for 60 s, before they had joined the job")
        #expect(early?.remedy?.contains("btl_tcp_if_include") == true)
        let late = checks([(0, #"{"begun":"data"}"#)]).judge(.init(status: nil, limit: .silence(seconds: 2)))
        #expect(late?.finding == "nothing was heard of the ranks for 2 s, while looking at data")
        #expect(late?.remedy?.contains("file system") == true)
    }

    @Test func ranksThatTalkUntilTheirTimeIsOverWereNotSilent() {
        let end = RankChecks.End(status: nil, limit: .timeout(seconds: 2))
        let found = checks([(0, #"{"begun":"data"}"#), (0, Self.ok)]).judge(end)
        #expect(found?.finding == "the ranks did not end within 2 s, while looking at data")
        #expect(found?.remedy?.contains("--timeout") == true)
    }

    @Test func anEndWithoutACauseOfItsOwnHasOne() {
        let killed = ["mpirun noticed that process rank 1 with PID 0 on node n2 exited on signal 9 (Killed)."]
        #expect(
            checks([(0, #"{"begun":"memory"}"#)]).judge(
                .init(status: 137, limit: .silence(seconds: 60), lines: killed))?.finding
                == "rank 1 was killed while looking at memory")
        let record = FailureRecord(
            rank: 1, host: "n2", phase: "start", step: nil, message: "no MPI", exitCode: 75, secondsSince1970: 1)
        let recorded = checks([]).judge(.init(status: 75, limit: .silence(seconds: 60), records: [record]))
        #expect(recorded?.finding == "rank 1 on n2 failed at start: no MPI" && recorded?.isTransient == true)
        #expect(
            checks([(1, "error: out of luck")]).judge(.init(status: 3, limit: .silence(seconds: 60)))?.finding
                == "rank 1: out of luck")
        let lost = ["ORTE has lost communication with a remote daemon."]
        let host = checks([]).judge(.init(status: 205, limit: .silence(seconds: 60), lines: lost))
        #expect(host?.isTransient == true && host?.finding.contains("exit status 205") == true)
    }

    @Test func whatOpenMPISaysOfTheNetworkIsTheCause() {
        let said =
            "[[4768,1],1][opal/btl_tcp_endpoint.c:793:connect] from h2 to: h3 Unable to connect to the peer 10.0.0.3"
        let finding = checks([(1, said), (2, "other")]).judge(.init(status: 255, limit: .silence(seconds: 60)))
        #expect(
            finding?.finding
                == "rank 1 cannot reach another, before they had joined the job: "
                + "from h2 to: h3 Unable to connect to the peer 10.0.0.3")
        #expect(finding?.remedy?.contains("btl_tcp_if_include") == true && finding?.isTransient == false)
    }

    @Test func linesInPiecesAreJoined() {
        var assembler = LineAssembler()
        func add(_ text: String, _ rank: Int) -> [String] { assembler.append(ArraySlice(text.utf8), of: .rank(rank)) }
        #expect(add("ab", 0) == [] && add("x\n", 1) == ["x"] && add("c\r\nd", 0) == ["abc"])
        #expect(assembler.rest(of: .rank(0)) == "d" && assembler.rest(of: .rank(1)) == nil)
    }

    @Test func optionsOfRunAreTaken() throws {
        let options = try #require(
            try CheckOptions(
                arguments: [
                    "-n", "3", "--json=f", "--threads-per-rank", "2", "--wait", "5", "--", "pretrain", "c.json",
                    "--json",
                ]))
        #expect(options.launch.request.ranks == 3 && options.launch.request.threadsPerRank == 2)
        #expect(options.jsonPath == "f" && options.waitSeconds == 5 && options.hasRankCount)
        #expect(options.preflightArguments == ["preflight", "--stage", "pretrain", "c.json", "--json"])
        let bare = try #require(try CheckOptions(arguments: []))
        #expect(!bare.hasRankCount && bare.preflightArguments == ["preflight"] && bare.waitSeconds == 30)
        #expect(try CheckOptions(arguments: ["--help"]) == nil)
    }

    @Test(arguments: [
        ["--wait", "-1"], ["--wait"], ["--dry-run"], ["--nothing"], ["--", "evaluate", "c.json"], ["x"],
    ])
    func wrongArgumentsAreUsageErrors(arguments: [String]) {
        let error = #expect(throws: AltaError.self) { try CheckOptions(arguments: arguments) }
        #expect(error?.exitCode == .usage && error?.description.hasPrefix("alta-launch check: ") == true)
    }
}
