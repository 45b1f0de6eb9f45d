import AltaCore
import Testing

struct ControlGroupTests {
    @Test func findsVersion2Folders() {
        let text = "0::/system.slice/slurmstepd.scope/job_7\n"
        let expected = [
            "/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7", "/sys/fs/cgroup/system.slice/slurmstepd.scope",
            "/sys/fs/cgroup/system.slice", "/sys/fs/cgroup",
        ]
        #expect(ControlGroup.folders(text: text, controller: "memory") == expected)
        #expect(ControlGroup.folders(text: "0::/\n", controller: "cpu") == ["/sys/fs/cgroup"])
    }

    /// A process outside of the container's root is told a path with `..`.
    @Test func staysBelowTheRoot() {
        let folders = ControlGroup.folders(text: "0::/../../other", controller: "memory")
        #expect(folders == ["/sys/fs/cgroup/other", "/sys/fs/cgroup"])
    }

    @Test func findsVersion1Folders() {
        let text = """
            9:name=systemd:/
            4:memory:/docker/83f4
            2:cpu,cpuacct:/docker/83f4
            0::/
            """
        let memory = ControlGroup.folders(text: text, controller: "memory")
        #expect(
            memory == ["/sys/fs/cgroup/memory/docker/83f4", "/sys/fs/cgroup/memory/docker", "/sys/fs/cgroup/memory"])
        let processor = ControlGroup.folders(text: text, controller: "cpu")
        #expect(processor.first == "/sys/fs/cgroup/cpu,cpuacct/docker/83f4")
    }

    @Test func noGroupHasNoFolders() {
        #expect(ControlGroup.folders(text: "", controller: "memory") == [])
        #expect(ControlGroup.folders(text: "nonsense\n", controller: "memory") == [])
    }

    @Test func tightestLimitOfTheTreeHolds() {
        let files = [
            "/g/a/b/memory.max": "max\n", "/g/a/memory.max": "2147483648\n", "/g/memory.max": "4294967296\n",
            "/g/a/b/cpu.max": "400000 100000\n", "/g/a/cpu.max": "150000 100000\n", "/g/cpu.max": "max 100000\n",
        ]
        let folders = ["/g/a/b", "/g/a", "/g"]
        let limits = ControlGroup.limits(memoryFolders: folders, processorFolders: folders) { files[$0] }
        #expect(limits == ControlGroup(memoryLimitBytes: 2_147_483_648, coreQuota: 1.5))
    }

    @Test func version1FilesAreRead() {
        let files = [
            "/m/memory.limit_in_bytes": "1073741824\n", "/c/cpu.cfs_quota_us": "50000\n",
            "/c/cpu.cfs_period_us": "100000\n",
        ]
        let limits = ControlGroup.limits(memoryFolders: ["/m"], processorFolders: ["/c"]) { files[$0] }
        #expect(limits == ControlGroup(memoryLimitBytes: 1_073_741_824, coreQuota: 0.5))
    }

    @Test func noLimitIsNil() {
        #expect(ControlGroup.memoryLimit("max\n") == nil)
        #expect(ControlGroup.memoryLimit("9223372036854771712\n") == nil)
        #expect(ControlGroup.memoryLimit("") == nil)
        #expect(ControlGroup.memoryLimit("0\n") == 0)
        #expect(ControlGroup.coreQuota("max 100000") == nil)
        #expect(ControlGroup.coreQuota("-1\n 100000\n") == nil)
        #expect(ControlGroup.coreQuota("100000") == nil)
        let none = ControlGroup.limits(memoryFolders: ["/m"], processorFolders: ["/c"]) { _ in nil }
        #expect(none == ControlGroup())
    }
}
