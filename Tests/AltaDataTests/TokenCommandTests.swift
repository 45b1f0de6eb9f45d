import AltaTestSupport
import Foundation
import Testing

/// The `alta-data` that was built beside the tests.
enum BuiltDataCommand {
    static let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "alta-data")
    static let isThere = FileManager.default.isExecutableFile(atPath: program.path)
}

/// `alta-data` as scripts call it.
@Suite(.enabled(if: BuiltDataCommand.isThere))
struct TokenCommandTests {
    struct Outcome {
        let exitCode: Int32
        let output: String
        let error: String
    }

    /// Runs the program with files as its standard streams, so that no pipe can fill up.
    func run(_ arguments: [String], input: [UInt8] = []) throws -> Outcome {
        let folder = try SharedMaterial.temporaryFolder("command")
        let files = ["in", "out", "err"].map { URL(filePath: "\(folder)/\($0)") }
        for (file, content) in zip(files, [input, [], []]) { try Data(content).write(to: file) }
        let process = Process()
        process.executableURL = BuiltDataCommand.program
        process.arguments = arguments
        process.standardInput = try FileHandle(forReadingFrom: files[0])
        process.standardOutput = try FileHandle(forWritingTo: files[1])
        process.standardError = try FileHandle(forWritingTo: files[2])
        try process.run()
        process.waitUntilExit()
        return Outcome(
            exitCode: process.terminationStatus, output: try String(contentsOf: files[1], encoding: .utf8),
            error: try String(contentsOf: files[2], encoding: .utf8))
    }

    func folder(_ files: [String: String]) throws -> String {
        let folder = try SharedMaterial.temporaryFolder("vocabulary")
        for (name, text) in files { try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)")) }
        return folder
    }

    @Test func tokenizesLines() throws {
        let folder = try folder(["v.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n"])
        let input = Array("a b\n\nA\rb c\u{0B}[MASK]".utf8)
        let outcome = try run(["tokenize", "--vocabulary", "\(folder)/v.txt"], input: input)
        #expect(outcome.exitCode == 0)
        #expect(outcome.output == "{\"ids\": [2, 5, 6, 3]}\n{\"ids\": [2, 3]}\n{\"ids\": [2, 5, 6, 1, 4, 3]}\n")
        #expect(outcome.error == "")
    }

    @Test func aVocabularyMadeHereTokenizesItsReports() throws {
        let folder = try folder(["t.csv": "id,text\n1,\"Lungs clear.\nLungs clear.\"\n2,Lungs clear.\n"])
        let made = try run([
            "vocabulary", "--reports", "\(folder)/t.csv", "--column", "text", "--size", "300",
            "--output", "\(folder)/v.txt",
        ])
        #expect(made.exitCode == 0, "\(made.error)")
        #expect(made.output.contains("from 2 reports with 3 different words"))
        let outcome = try run(["tokenize", "--vocabulary", "\(folder)/v.txt"], input: Array("Lungs clear.\n".utf8))
        #expect(outcome.output.split(separator: ",").count == 5)
        #expect(!outcome.output.contains(" 1,"))
    }

    @Test func faultsAreOneLineWithTheirExitCode() throws {
        let folder = try folder(["v.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n", "t.csv": "id,text\n1,Clear.\n"])
        let cases: [(arguments: [String], exitCode: Int32, words: [String])] = [
            ([], 2, ["--help"]), (["tokenise"], 2, ["did you mean tokenize"]), (["tokenize"], 2, ["--vocabulary"]),
            (["tokenize", "--vocabulary", "\(folder)/none.txt"], 1, ["none.txt"]),
            (["tokenize", "--vocabulary", "\(folder)/v.txt"], 1, ["[MASK]", "v.txt"]),
            (["vocabulary", "--reports", "\(folder)/t.csv", "--output", "\(folder)/o"], 1, ["id, text", "--column"]),
        ]
        for (arguments, exitCode, words) in cases {
            let outcome = try run(arguments)
            #expect(outcome.exitCode == exitCode)
            #expect(outcome.error.hasPrefix("error: ") && outcome.error.split(separator: "\n").count == 1)
            for word in words { #expect(outcome.error.contains(word), "\(outcome.error)") }
        }
    }

    @Test func helpHasAnExample() throws {
        for command in ["synthesize", "inspect", "tokenize", "vocabulary"] {
            let outcome = try run([command, "--help"])
            #expect(outcome.exitCode == 0)
            #expect(outcome.output.contains("Example:\n"))
        }
        #expect(try run(["--help"]).output.contains("alta-data vocabulary"))
    }
}
