import AltaCore
import AltaLaunch
import Testing

/// What is started for debugging: pure functions.
@Suite struct DebuggedRanksTests {
    private let base = ["mpirun", "--oversubscribe", "-n", "4", "--bind-to", "none", "-x", "A=1", "--tag-output"]
    private let common = ["mpirun", "--oversubscribe", "--bind-to", "none", "--tag-output"]
    private let variables = ["-x", "A=1", "-x", "ALTA_CHECK_COLLECTIVES=1", "-x", "ALTA_STALL_SECONDS=0"]

    private func arguments(_ use: DebuggerUse, _ ranks: [Int]) -> [String] {
        DebuggedRanks(use: use, ranks: ranks, count: 4)
            .arguments(base: base, worker: ["w", "align"], gdb: "/bin/gdb", logs: "/run/ranks", waitSeconds: 60)
    }

    @Test func withoutADebuggerAllRanksAreOneGroup() {
        #expect(arguments(.none, [0, 1, 2, 3]) == common + ["-n", "4"] + variables + ["w", "align"])
    }

    @Test func ranksThatWaitFindHowLongAndWhere() {
        let waits = ["-x", "ALTA_WAIT_FOR_DEBUGGER=60.0", "-x", "ALTA_DEBUG_FOLDER=/run/ranks/debug", "w", "align"]
        let others = ["w", "align"]
        for use in [DebuggerUse.wait, .panes] {
            #expect(
                arguments(use, [1, 2])
                    == common + ["-n", "1"] + variables + others + [":", "-n", "2"] + variables + waits
                    + [":", "-n", "1"] + variables + others)
            #expect(arguments(use, [0, 1, 2, 3]) == common + ["-n", "4"] + variables + waits)
        }
    }

    @Test func ranksInGDBStandByThemselves() {
        let list = arguments(.gdb, [0, 1])
        let parts = list.split(separator: ":").map { Array($0) }
        #expect(parts.count == 3)
        for part in parts.prefix(2) {
            #expect(part.contains("/bin/gdb") && Array(part.suffix(3)) == ["--args", "w", "align"])
            #expect(part.contains("-n") && part[part.firstIndex(of: "-n")! + 1] == "1")
        }
        #expect(parts[2] == ["-n", "2"] + variables + ["w", "align"])
    }

    @Test func panesOfAWindowOfTheirOwn() {
        let panes = DebuggerPanes(name: "alta-debug-7", tmux: "tmux", isInside: false)
        let list = panes.opening([["a", "b c"], ["d"]])
        #expect(list[0] == ["tmux", "new-session", "-d", "-s", "alta-debug-7", "-x", "200", "-y", "60", "a", "b c"])
        #expect(list[1] == ["tmux", "split-window", "-d", "-t", "=alta-debug-7:", "d"])
        #expect(list.count == 3)
        #expect(panes.closing == ["tmux", "kill-session", "-t", "=alta-debug-7:"])
        #expect(panes.invitation.contains("tmux attach -t alta-debug-7"))
        let inside = DebuggerPanes(name: "w", tmux: "tmux", isInside: true)
        #expect(inside.opening([["a"]]) == [["tmux", "new-window", "-d", "-n", "w", "a"]])
        #expect(inside.closing == ["tmux", "kill-window", "-t", ":w"])
    }

    @Test func linesOfEveryRankAreTagged() {
        var screen = TaggedScreen()
        #expect(screen.lines(ArraySlice("one\ntw".utf8), of: .rank(3), isError: false) == ["[3] one"])
        #expect(screen.lines(ArraySlice("x\r".utf8), of: .rank(3), isError: true) == ["[3] x"])
        #expect(screen.lines(ArraySlice("o\n\n".utf8), of: .rank(3), isError: false) == ["[3] two"])
        #expect(screen.lines(ArraySlice("mpirun says\n".utf8), of: .mpirun, isError: false) == [])
        #expect(screen.lines(ArraySlice("rest".utf8), of: .rank(0), isError: false) == [])
        #expect(screen.rest() == ["[0] rest"])
        #expect(screen.rest() == [])
    }

    @Test func variablesOfAProcessWhoseRanksAreThreads() throws {
        let options = try #require(
            try DebugOptions(arguments: ["-n", "3", "--threads", "--wait", "--wait-seconds", "9", "--", "align"]))
        let list = DebugCommand.threadVariables(options, .wait, logs: "/run/ranks")
        let environment = Dictionary(uniqueKeysWithValues: list.map { ($0.name, $0.value) })
        #expect(environment["ALTA_RANKS_AS_THREADS"] == "3")
        #expect(environment["ALTA_WAIT_FOR_DEBUGGER"] == "9.0")
        #expect(environment["ALTA_STATUS_FOLDER"] == "/run/ranks/status")
        #expect(environment["ALTA_FAILURE_FOLDER"] == "/run/ranks/failures")
        #expect(DebugCommand.threadVariables(options, .none, logs: nil).map(\.name).count == 3)
    }
}

/// Stacks as gdb prints them.
@Suite struct StackTextTests {
    private let lines = [
        "Thread 2 (Thread 0x7f (LWP 12) \"rank 1\"):", "#0  other () at o.c:1",
        "Thread 1 (Thread 0x7f (LWP 11) \"alta-worker\"):", "#0  0x00007efe in __poll (fds=0x0) at ../poll.c:29",
        "#1  0x00005612 in ?? ()", "#2  0x00005612 in opal_progress () from /lib/libopen-pal.so.40",
        "#3  PMPI_Allreduce (count=3) at p.c:1", "#4  0x1 in AltaComm.MPICollectives.barrier () at MPI.swift:7",
        "#5  main ()",
    ]

    @Test func swiftNamesAreReadable() {
        let mangled = "#4  0x1 in $s8AltaComm14MPICollectivesC7barrieryyKF () at MPI.swift:7"
        #expect(
            StackText.readable(mangled) == "#4  0x1 in AltaComm.MPICollectives.barrier() throws -> () () at MPI.swift:7"
        )
        #expect(StackText.readable("#1  main () at a.c:3") == "#1  main () at a.c:3")
        #expect(StackText.readable("$snonsense here") == "$snonsense here")
    }

    @Test func theMainThreadsOwnFunctionsComeFirst() {
        #expect(StackText.innermost(lines, thread: "LWP 11)") == ["AltaComm.MPICollectives.barrier", "main"])
        #expect(StackText.innermost(lines, thread: "\"rank 1\"") == ["other"])
        #expect(StackText.innermost(lines, thread: "LWP 13)") == [])
        #expect(StackText.hasFrames(lines) && !StackText.hasFrames(["ptrace: Operation not permitted."]))
    }

    @Test func theStateIsAWord() {
        #expect(ProcessStacks.word(ofState: "T (stopped)") == "stopped")
        #expect(ProcessStacks.word(ofState: "R") == "R")
    }
}
