import AltaLaunch
import Testing

@Suite struct MemoryKillsTests {
    private func kills(_ inGroup: Int?, _ onMachine: Int?) -> MemoryKills {
        MemoryKills(inGroup: inGroup, onMachine: onMachine)
    }

    @Test func countersAreCompared() {
        #expect(kills(3, 9).verdict(since: kills(2, 8)) == .certain)
        #expect(kills(2, 9).verdict(since: kills(2, 8)) == .likely)
        #expect(kills(nil, 9).verdict(since: kills(nil, 8)) == .likely)
        #expect(kills(2, 9).verdict(since: kills(2, 9)) == .none)
        #expect(kills(2, nil).verdict(since: kills(2, nil)) == .none)
        #expect(kills(nil, nil).verdict(since: kills(nil, nil)) == .unknown)
    }

    @Test func theCounterOfTheControlGroupIsFound() {
        let unified = MemoryKills.counterPaths(groups: "0::/user.slice/job\n").filter { $0.hasSuffix(".events") }
        #expect(unified == ["/sys/fs/cgroup/user.slice/job/memory.events", "/sys/fs/cgroup/memory.events"])
        let groups = "5:devices:/\n4:memory:/a/b\n3:cpu,cpuacct:/\n0::/a/b\n"
        let old = MemoryKills.counterPaths(groups: groups).filter { $0.hasSuffix(".oom_control") }
        #expect(old == ["/sys/fs/cgroup/memory/a/b/memory.oom_control", "/sys/fs/cgroup/memory/memory.oom_control"])
        #expect(MemoryKills.counterPaths(groups: "nothing\n0::/\n").first == "/sys/fs/cgroup/memory.events")
        #expect(MemoryKills.counterPaths(groups: "nothing\n").isEmpty)
    }

    @Test func countersAreRead() {
        #expect(MemoryKills.count("low 0\noom 5\noom_kill 2\noom_group_kill 0\n") == 2)
        #expect(MemoryKills.count("oom_kill_disable 0\nunder_oom 0\n") == nil)
    }
}
