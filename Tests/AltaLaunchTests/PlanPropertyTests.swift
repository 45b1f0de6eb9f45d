import AltaCore
import AltaLaunch
import Testing

/// What holds for every plan, over machines, hosts and requests drawn at random (the same ones in every run).
@Suite struct PlanPropertyTests {
    /// SplitMix64.
    struct Dice: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var word = state
            word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
            word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
            return word ^ (word >> 31)
        }
    }

    private func machine(_ dice: inout Dice) -> MachineDescription {
        let nodeCount = [1, 1, 2, 2, 4, 8].randomElement(using: &dice) ?? 1
        let alike = Bool.random(using: &dice)
        let size = Int.random(in: 1...32, using: &dice)
        var next = 0
        let nodes = (0..<nodeCount).map { _ in
            next += Int.random(in: 0...3, using: &dice)
            let count = alike ? size : Int.random(in: 1...32, using: &dice)
            defer { next += count }
            return CoreList(next..<next + count)
        }
        let cores = nodes.reduce(0) { $0 + $1.cores.count }
        return MachineDescription(
            hostName: "here", coreCount: cores, coresOfMemoryNodes: nodes,
            hardwareThreadCount: cores * Int.random(in: 1...2, using: &dice),
            canBind: Int.random(in: 0..<8, using: &dice) > 0)
    }

    private func request(_ dice: inout Dice, cores: Int) -> LaunchRequest {
        var request = LaunchRequest(
            ranks: Int.random(in: 1...max(1, cores * 2), using: &dice),
            threadsPerRank: [nil, 1, 2, 3, 4, 8].randomElement(using: &dice) ?? nil)
        if Bool.random(using: &dice) {
            request.hosts = (0..<Int.random(in: 1...5, using: &dice)).map { index in
                ClusterHost(name: index == 0 ? "here" : "h\(index)", slots: Int.random(in: 1...64, using: &dice))
            }
            request.hostFile = "hosts of $USER; rm -r *"
            if Bool.random(using: &dice) { request.ranks = nil }
        }
        request.workingFolder = "/home/a b"
        return request
    }

    @Test(arguments: 0..<2000) func everyPlanIsSound(seed: UInt64) throws {
        var dice = Dice(state: seed)
        let machine = machine(&dice)
        let request = request(&dice, cores: machine.coreCount)
        guard let plan = try? LaunchPlan(machine: machine, request: request) else {
            // Only a machine that is too small for one rank without a number of ranks has no plan.
            #expect(request.ranks == nil)
            return
        }
        #expect(plan.ranksOfHosts.reduce(0, +) == plan.ranks)
        #expect(request.ranks == nil || plan.ranks == request.ranks)
        for host in plan.plannedHosts { check(host, plan) }
        #expect((plan.binding == .none) == plan.plannedHosts.allSatisfy { $0.coresOfRanks.isEmpty })
        checkLine(plan)
    }

    /// Each rank has as many cores as threads, no core twice, and cores of one memory node where ranks are dealt by them.
    private func check(_ host: PlannedHost, _ plan: LaunchPlan) {
        let fits = host.ranks.count * plan.threadsPerRank <= host.coreCount
        #expect(fits || plan.isOversubscribed)
        guard plan.binding != .none else { return }
        #expect(fits && host.coresOfRanks.count == host.ranks.count)
        #expect(host.coresOfRanks.allSatisfy { $0.cores.count == plan.threadsPerRank })
        let cores = host.coresOfRanks.flatMap(\.cores)
        #expect(Set(cores).count == cores.count)
        #expect(Set(cores).isSubset(of: host.coresOfMemoryNodes.flatMap(\.cores)))
        guard plan.mapsByMemoryNode else { return }
        for rank in host.coresOfRanks {
            #expect(host.coresOfMemoryNodes.contains { Set(rank.cores).isSubset(of: $0.cores) })
        }
    }

    /// No shell reads the line: what the user gave stands in it as it is, in one piece.
    private func checkLine(_ plan: LaunchPlan) {
        let list = plan.arguments(
            mpirun: "/m p/mpirun", environment: [("A", "$(id) `id` ; *")], worker: "w", workerArguments: ["x & y", ""])
        #expect(list.first == "/m p/mpirun" && list.suffix(3) == ["w", "x & y", ""])
        #expect(list.contains("A=$(id) `id` ; *"))
        if plan.writtenHostFile == nil, let file = plan.request.hostFile {
            #expect(list.firstIndex(of: "--hostfile").map { list[$0 + 1] } == file)
        }
        let given = list.indices.filter { list[$0] == "--mca" }.map { list[$0 + 1] }
        #expect(Set(given).count == given.count)
    }
}
