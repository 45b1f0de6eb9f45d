import AltaComm
import AltaCore
import AltaModel
import AltaPlacement
import Foundation

/// Looks at everything that a job needs, on the ranks that it would have, before it is started.
///
/// One thing at a time; what is wrong with one keeps no other from being looked at. Where ranks do not hear of each other
/// no more can be done: each of the two says so, and the job is ended.
public struct Preflight {
    let joined: RankContext
    /// Where the findings go, on every rank alike; rank 0's are the ones to show.
    let listener: any PreflightListener
    /// How long the first message between two ranks may take, seconds.
    let patienceSeconds: Double
    /// How long matrices are multiplied, seconds.
    let speedSeconds: Double

    /// Stores the parts.
    public init(
        context: RankContext, listener: any PreflightListener, patienceSeconds: Double = 10, speedSeconds: Double = 1.5
    ) {
        joined = context
        self.listener = listener
        self.patienceSeconds = patienceSeconds
        self.speedSeconds = speedSeconds
    }

    /// Looks at everything. Collective.
    ///
    /// - Parameter requested: this rank's configuration, or why it cannot be read; nil on every rank: machines alone are
    ///   looked at.
    /// - Returns: how the program ends, the same on every rank.
    /// - Throws: `AltaError` where MPI fails.
    public func run(_ requested: Result<RunConfig, any Error>?) throws -> ExitCode {
        let hosts = try joined.collectives.allGather(joined.collectives.hostName)
        var board = FindingBoard(listener: listener)
        var config = requested?.get(orElse: RunConfig())
        let isDeterministic = config?.deterministic == true
        board.begin(VersionCheck.name)
        let context = try resolved(&config)
        let machines = try RankReports<MachineFacts>.gather(joined.collectives, hosts: hosts) {
            try .current(context.engine)
        }
        board.add(machines.failures("machine", remedy: "let ranks read /proc and /sys"))
        board.add(VersionCheck.judge(machines, needsEqualKernels: isDeterministic))
        board.add(CoreCheck.judge(machines) + ThreadCheck.judge(machines) + FileLimitCheck.judge(machines))
        let opened = try open(requested, precision: config?.precision, context, hosts, &board)
        try memory(opened, machines, context, hosts, &board)
        try output(requested, opened, context, hosts, &board)
        try speed(opened, context, hosts, &board)
        try network(context, hosts, &board)
        board.begin(CollectiveCheck.name)
        let times = try CollectiveCheck.measure(context.collectives)
        board.add(CollectiveCheck.judge(times, ranks: hosts.count))
        // What rank 0 shows decides.
        return ExitCode(rawValue: try context.collectives.broadcast([board.findings.exitCode.rawValue], from: 0)[0])
            ?? .failed
    }

    /// The engine that a run would compute with. Collective.
    private func resolved(_ config: inout RunConfig?) throws -> RankContext {
        // Ranks may have different configurations, which is told later; the arithmetic must be one all the same.
        let asked = Int32(config?.precision == .fp32 ? 1 : 0)
        let isFull = try joined.collectives.allReduce(asked, .maximum) == 1
        let precision = isFull ? Precision.fp32 : try joined.resolve(.auto) { _ in }
        config?.precision = precision
        return try joined.agree { try joined.computing(in: precision) }
    }

    private func open(
        _ requested: Result<RunConfig, any Error>?, precision: Precision?, _ context: RankContext, _ hosts: [String],
        _ board: inout FindingBoard
    ) throws -> ConfigurationCheck.Opened? {
        guard let requested else {
            board.add([.note(ConfigurationCheck.configuration, "none given: machines alone are looked at")])
            return nil
        }
        board.begin(ConfigurationCheck.configuration)
        var found: [CheckFinding] = []
        var opened = try ConfigurationCheck(context: context, hosts: hosts).open(requested) { found += $0 }
        board.add(found)
        if let precision { opened?.config.precision = precision }
        if let opened, let training = opened.training {
            board.begin(ImageCheck.name)
            let sources = [training] + (opened.validation.map { [$0] } ?? [])
            board.add(try ImageCheck(collectives: context.collectives, hosts: hosts).run(sources))
        }
        return opened
    }

    private func memory(
        _ opened: ConfigurationCheck.Opened?, _ machines: RankReports<MachineFacts>, _ context: RankContext,
        _ hosts: [String], _ board: inout FindingBoard
    ) throws {
        let available = try context.collectives.allGather(Int64(context.availableBytes)).map { Int($0) }
        // Without its data the size of the vocabulary is not known.
        let need = opened.flatMap { opened in
            opened.training.map { _ in MemoryNeed.of(opened.config, sharingRanks: context.neighbours.own.count) }
        }
        let limits = machines.facts.map { $0?.memoryLimitBytes }
        board.add(MemoryCheck.judge(available, hosts: hosts, limits: limits, need: need))
        board.add(SharedMemoryCheck.judge(machines, need: need))
        let obstacles = try copyObstacles(context.collectives, hosts)
        board.add(CopyCheck.judge(obstacles, hosts: hosts, scopes: machines.facts.map { $0?.traceScope }))
    }

    /// Why each rank cannot copy from the next one of its host; empty where it can. Collective.
    private func copyObstacles(_ collectives: any Collectives, _ hosts: [String]) throws -> [String] {
        let copy = ProcessCopy()
        let addresses = try collectives.allGather(copy.address)
        let own = hosts.indices.filter { hosts[$0] == hosts[collectives.rank] }
        let place = own.firstIndex(of: collectives.rank) ?? 0
        let next = own[(place + 1) % own.count]
        let obstacle = own.count > 1 ? ProcessCopy.obstacle(copyingFrom: addresses[next]) ?? "" : ""
        // The gathering keeps every rank's bytes in place until all have looked.
        return try withExtendedLifetime(copy) { try collectives.allGather(obstacle) }
    }

    private func output(
        _ requested: Result<RunConfig, any Error>?, _ opened: ConfigurationCheck.Opened?, _ context: RankContext,
        _ hosts: [String], _ board: inout FindingBoard
    ) throws {
        board.begin(OutputCheck.name)
        let named = try? requested?.get().output
        if context.isFirst, requested != nil, opened != nil, named == nil {
            board.add([
                .failed(OutputCheck.name, "output is not set", remedy: "give the folder that the run may write")
            ])
        }
        let folder = try context.collectives.broadcast(named ?? FileManager.default.currentDirectoryPath, from: 0)
        let findings = try OutputCheck(collectives: context.collectives, hosts: hosts, folder: folder).run()
        board.add(findings)
        guard let opened, opened.training != nil, findings.exitCode == .done else { return }
        board.add(
            DiskCheck.judge(
                freeBytes: DiskCheck.freeBytes(at: folder),
                neededBytes: DiskCheck.neededBytes(
                    opened.config, sides: Set(opened.pretrained.sources.map(\.side))),
                keep: opened.config.keepCheckpoints, folder: folder))
    }

    private func speed(
        _ opened: ConfigurationCheck.Opened?, _ context: RankContext, _ hosts: [String], _ board: inout FindingBoard
    ) throws {
        board.begin(SpeedCheck.name)
        let peak = ProductPeak.of(opened?.config.model ?? ModelConfig())
        try context.collectives.barrier()
        let rates = try RankReports<SpeedCheck.Rate>.gather(context.collectives, hosts: hosts) {
            let rate = peak.sustained(context.engine, seconds: speedSeconds)
            return SpeedCheck.Rate(sustained: rate.sustained, best: rate.best)
        }
        board.add(SpeedCheck.judge(rates))
    }

    private func network(_ context: RankContext, _ hosts: [String], _ board: inout FindingBoard) throws {
        board.begin(NetworkCheck.name)
        guard let ranks = context.collectives.pointToPoint else {
            board.add([.note(NetworkCheck.name, "not measured: these ranks have no messages of their own")])
            return
        }
        let survey = NetworkSurvey(
            collectives: context.collectives, hosts: hosts,
            meter: PairMeter(ranks: ranks, rank: context.collectives.rank, patienceSeconds: patienceSeconds))
        let found: NetworkSurvey.Found
        do { found = try survey.run() } catch let silence as PairMeter.Silence {
            let finding = NetworkCheck.silence(
                context.collectives.rank, silence.other, hosts: hosts, seconds: patienceSeconds)
            listener.broke(finding)
            // Other pairs of the same round may have as much to tell.
            usleep(500_000)
            throw AltaError(finding.finding, remedy: finding.remedy, rank: context.collectives.rank)
        }
        board.add(NetworkCheck.judge(pairs: found.pairs, near: found.near, hosts: hosts))
        board.add(ClockCheck.judge(found.clocks))
    }
}

/// Hears what a preflight finds.
public protocol PreflightListener {
    /// A check begins, on every rank.
    func began(_ check: String)
    /// A finding, on every rank: rank 0's is the one that counts.
    func found(_ finding: CheckFinding)
    /// This rank alone found what ends the job.
    func broke(_ finding: CheckFinding)
}

/// Collects findings while they are told.
private struct FindingBoard {
    let listener: any PreflightListener
    private(set) var findings: [CheckFinding] = []

    init(listener: any PreflightListener) { self.listener = listener }

    func begin(_ check: String) { listener.began(check) }

    mutating func add(_ more: [CheckFinding]) {
        findings += more
        for finding in more { listener.found(finding) }
    }
}

extension Result where Success == RunConfig {
    fileprivate func get(orElse other: RunConfig) -> RunConfig { (try? get()) ?? other }
}
