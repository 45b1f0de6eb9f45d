import AltaCore
import AltaLaunch
import Testing

@Suite struct CommandLineTests {
    @Test func spellingsOfTheNumberOfRanks() throws {
        for arguments in [["-n", "3"], ["-np", "3"], ["-n=3"]] {
            #expect(try LaunchOptions(arguments: arguments + ["--", "align", "-n", "5"])?.request.ranks == 3)
        }
        #expect(try LaunchOptions(arguments: ["--nproc-per-node", "3", "--", "align"])?.request.ranksPerNode == 3)
    }

    @Test func whatFollowsTheDashesIsTheWorkers() throws {
        let options = try #require(try LaunchOptions(arguments: ["-n", "1", "--", "align", "--", "--dry-run"]))
        #expect(options.workerArguments == ["align", "--", "--dry-run"])
        #expect(!options.isDryRun)
    }

    @Test(arguments: [
        ["-n", "0", "--", "align"], ["-n", "two", "--", "align"], ["-n"], ["--ranks", "2", "--", "align"],
        ["-n", "2", "--restarts", "-1", "--", "align"], ["-n", "2", "--stall-timeout=soon", "--", "align"],
        ["-n", "2", "--timeout", "-1", "--", "align"], ["-n", "2", "align"], ["-n", "2", "--min-ranks", "0"],
    ])
    func wrongUsage(arguments: [String]) {
        let error = #expect(throws: AltaError.self) { try LaunchOptions(arguments: arguments) }
        #expect(error?.exitCode == .usage)
    }

    @Test func safetyHasDefaults() throws {
        let usual = try #require(try LaunchOptions(arguments: ["-n", "2", "--", "align"], environment: [:]))
        #expect(usual.stallSeconds == 300 && usual.graceSeconds == 60)
        #expect(usual.restarts == 0 && usual.request.minimumRanks == nil && usual.restartDelaySeconds == 5)
        let variables = ["ALTA_STALL_SECONDS": "7"]
        #expect(try LaunchOptions(arguments: ["-n", "2", "--", "align"], environment: variables)?.stallSeconds == 7)
        let given = ["-n", "2", "--stall-timeout", "2.5", "--grace", "0", "--restart-delay", "1", "--", "align"]
        let options = try #require(try LaunchOptions(arguments: given, environment: variables))
        #expect(options.stallSeconds == 2.5 && options.graceSeconds == 0 && options.restartDelaySeconds == 1)
    }

    @Test func onlyWhatResumesMayBeRestarted() throws {
        func check(_ arguments: String...) throws { try WorkerInvocation(arguments: arguments).checkRestartable() }
        try check("align", "--set", "output=a")
        try check("pretrain", "--set", "output=a", "--set", "resume=auto")
        for arguments in [
            ["align", "--set", "output=a", "--set", "resume=null"], ["align", "--set", "seed=1"], ["evaluate"],
            ["align", "--set", "output=a", "--set", "resume=b"], ["bench", "step"],
        ] {
            let error = #expect(throws: AltaError.self) {
                try WorkerInvocation(arguments: arguments).checkRestartable()
            }
            #expect(error?.exitCode == .usage)
        }
    }

    @Test func theRunFolderIsKnownBeforeTheStart() throws {
        func output(_ arguments: String...) throws -> String? { try WorkerInvocation(arguments: arguments).output() }
        #expect(try output("align", "--set", "output=a", "--set", "output=b c") == "b c")
        #expect(try output("align", "--set=output=a") == "a")
        #expect(try output("evaluate", "--set", "output=a") == nil)
        #expect(try output("bench", "step", "--steps", "3") == nil)
        #expect(throws: AltaError.self) { try output("align", "/nowhere/config.json") }
        #expect(throws: AltaError.self) { try output("align", "--set", "globalbatch=3") }
        #expect(throws: AltaError.self) { try output("verify", "/nowhere/tiny.safetensors") }
    }

    @Test func theConfigurationMayFollowOptions() throws {
        func file(_ arguments: String...) throws -> String? { try WorkerInvocation(arguments: arguments).file }
        #expect(try file("align", "c.json", "--set", "steps=1") == "c.json")
        #expect(try file("align", "--set", "steps=1", "c.json") == "c.json")
        #expect(try file("evaluate", "--json", "--checkpoint", "run", "--set=seed=2", "c.json") == "c.json")
        #expect(try file("align", "--set", "steps=1") == nil)
    }

    @Test func unknownSubcommandsAreUsageErrors() {
        for arguments in [[], ["aling"], ["--set"]] {
            let error = #expect(throws: AltaError.self) { try WorkerInvocation(arguments: arguments) }
            #expect(error?.exitCode == .usage)
        }
    }
}
