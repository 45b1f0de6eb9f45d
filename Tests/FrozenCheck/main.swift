import AltaComm
import AltaCore
import AltaPlacement
import Foundation

// A store of frozen memory as a job of several ranks: they fill it together and seal it, and each tells in one JSON line what
// it then has. `--threads N` makes ranks threads, `--fault RANK` lets that rank have no file descriptor left meanwhile.
let arguments = CommandLine.arguments
func option(_ name: String) -> Int? {
    arguments.firstIndex(of: name).flatMap { $0 + 1 < arguments.count ? Int(arguments[$0 + 1]) : nil }
}
let check = StoreCheck(byteCount: option("--bytes") ?? 1_000_003, faultyRank: option("--fault"))
do {
    if let threadCount = option("--threads") {
        for line in try ThreadCollectives.run(rankCount: threadCount, { try check.line(collectives: $0) }) {
            print(line)
        }
    } else {
        let collectives = try MPICollectives.start()
        // The line and its end at once: mpirun may put what another rank writes between two pieces.
        FileHandle.standardOutput.write(Data((try check.line(collectives: collectives) + "\n").utf8))
        try collectives.finalize()
    }
} catch {
    FileHandle.standardError.write(Data("error: \(error)\n".utf8))
    exit(1)
}
