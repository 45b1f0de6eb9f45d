import AltaCore
import AltaFuzzSupport
import Foundation

// Hands damaged inputs to one parser: see Tests/Scripts/fuzz.sh, which builds and starts it. The process dies by a trap,
// by the sanitizer, or by SIGPROF where one input takes too long; the file of --progress then tells which input it was.
do {
    let options = try FuzzOptions(Array(CommandLine.arguments.dropFirst()))
    let targets = try ParserTargets.all()
    if options.target == nil {
        for target in targets { print(target.name) }
    } else if let target = targets.first(where: { $0.name == options.target }) {
        print(try FuzzRun(target: target, options: options).perform())
    } else {
        throw AltaError("no parser \(options.target ?? "")", remedy: "see --list")
    }
} catch {
    FileHandle.standardError.write(Data("error: \(error)\n".utf8))
    exit(1)
}
