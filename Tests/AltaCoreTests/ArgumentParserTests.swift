import AltaCore
import Testing

@Suite struct ArgumentParserTests {
    private let command = CommandDescription(
        name: "alta-launch run", summary: "Starts a job.",
        positionals: [
            PositionalArgument("FILE", "what to read"), PositionalArgument("MORE", "more", isOptional: true),
        ],
        options: [
            .value("-n", "-np", "--nproc-per-node", name: "RANKS", "ranks"),
            .value("--set", name: "KEY=VALUE", isRepeated: true, "overrides a key"),
            .value("--rate", name: "RATE", "a rate"), .flag("--dry-run", documentation: "only shows the plan"),
        ],
        trailingName: "ARGUMENTS", example: "alta-launch run -n 2 file", notes: "A note.")

    @Test func everySpellingIsRead() throws {
        let parsed = try command.parse([
            "--set", "a=1", "file", "-np", "4", "--set=b=-2", "--dry-run", "-1", "--rate", "-0.5", "--", "--set", "x",
        ])
        #expect(parsed.positionals == ["file", "-1"])
        #expect(parsed.values("--set") == ["a=1", "b=-2"])
        #expect(try parsed.int("-n", in: 1...64) == 4)
        #expect(try parsed.double("--rate") == -0.5)
        #expect(parsed.flag("--dry-run") && !parsed.wantsHelp)
        #expect(parsed.trailing == ["--set", "x"])
        let bare = try command.parse(["file"])
        #expect(bare.value("-n") == nil && !bare.flag("--dry-run") && bare.trailing.isEmpty)
        #expect(try bare.int("-n") == nil)
    }

    @Test(arguments: [
        (["file", "--dryrun"], "--dry-run"), (["file", "--nproc-per-nod=3"], "--nproc-per-node"),
        (["file", "-n"], "-n RANKS"), (["file", "-n", "1", "-np", "2"], "twice"),
        (["file", "--dry-run=1"], "no value"),
        ([], "FILE is missing"), (["a", "b", "c"], "unexpected argument c"),
    ])
    func wrongUsageIsNamed(arguments: [String], message: String) throws {
        let error = try #require(throws: AltaError.self) { try command.parse(arguments) }
        #expect("\(error)".contains(message), "\(error)")
        #expect(error.exitCode == .usage)
    }

    @Test func valuesAreChecked() throws {
        let parsed = try command.parse(["file", "-n", "x", "--rate", "inf"])
        #expect(throws: AltaError.self) { try parsed.int("-n") }
        #expect(throws: AltaError.self) { try parsed.double("--rate") }
        #expect(throws: AltaError.self) { try command.parse(["f", "-n", "0"]).int("-n", in: 1...4) }
        #expect(throws: AltaError.self) { try command.parse(["f"]).required("--rate") }
        #expect(throws: AltaError.self) { try command.parse(["f", "--rate", "-1"]).double("--rate", atLeast: 0) }
    }

    @Test func helpShowsEverything() throws {
        #expect(try command.parse(["--unknown", "-h"]).wantsHelp)
        #expect(try command.parse(["f", "--", "--help"]).wantsHelp == false)
        for part in [
            "Starts a job.", "Usage: alta-launch run [OPTIONS] FILE [MORE] -- ARGUMENTS",
            "-n, -np, --nproc-per-node RANKS",
            "--set KEY=VALUE...", "--dry-run ", "-h, --help", "Example:\n  alta-launch run -n 2 file", "A note.",
        ] {
            #expect(command.help.contains(part), "\(part)")
        }
    }

    @Test func groupsFindTheirCommands() throws {
        let group = CommandGroup(name: "alta-launch", summary: "Launches jobs.", commands: [command])
        guard case .command(let found, let rest) = try group.request(["run", "file"]) else {
            Issue.record("no command")
            return
        }
        #expect(found.name == "alta-launch run" && rest == ["file"])
        guard case .help = try group.request(["--help"]) else {
            Issue.record("no help")
            return
        }
        #expect(group.help.contains("alta-launch run  Starts a job."))
        let error = try #require(throws: AltaError.self) { try group.request(["rum"]) }
        #expect("\(error)".contains("did you mean run?") && error.exitCode == .usage)
        #expect(throws: AltaError.self) { try group.request([]) }
    }

    @Test func namesOfTwoWordsAreFound() throws {
        let bench = CommandDescription(name: "alta-launch bench step", summary: "Times steps.", example: "")
        let group = CommandGroup(name: "alta-launch", summary: "Launches jobs.", commands: [command, bench])
        guard case .command(let found, let rest) = try group.request(["bench", "step", "--steps"]),
            case .help(let text) = try group.request(["bench", "--help"])
        else {
            Issue.record("neither command nor help")
            return
        }
        #expect(found.name == bench.name && rest == ["--steps"])
        #expect(text.contains("alta-launch bench step  Times steps.") && !text.contains("run"))
        let unknown = try #require(throws: AltaError.self) { try group.request(["bench", "stop"]) }
        #expect("\(unknown)".contains("did you mean step?") && unknown.exitCode == .usage)
        #expect(throws: AltaError.self) { try group.request(["bench"]) }
    }

    @Test func nearestNames() {
        #expect("golbal_batch".nearest(among: ["epochs", "global_batch", "micro_batch"]) == "global_batch")
        #expect("trian".nearest(among: ["steps", "data.train", "trainable"]) == "data.train")
        #expect("x".nearest(among: [String]()) == nil)
        #expect("abc".editDistance(to: "acb") == 1 && "".editDistance(to: "abc") == 3)
        #expect("kitten".editDistance(to: "sitting") == 3)
    }
}
