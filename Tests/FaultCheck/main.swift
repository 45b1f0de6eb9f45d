import AltaComm
import AltaCore
import AltaTrain
import Foundation

// A training run in which one rank fails as the environment says (`Fault`): a worker for `alta-launch run --worker`, called
// as `alta-worker` is: `align CONFIG.json`. What it does besides failing is what `alta-worker` does.

/// Tells the launcher of an error, as a rank that failed does.
func record(_ error: AltaError, _ collectives: any Collectives, _ clock: PhaseClock) {
    FileHandle.standardError.write(Data("error: \(error)\n".utf8))
    guard let folder = ProcessInfo.processInfo.environment[FailureRecord.folderVariable] else { return }
    let record = FailureRecord(error, ranks: collectives, clock: clock)
    try? record.write(folder: folder, name: FailureRecord.fileName(rank: collectives.rank))
}

/// The rank's part in the run, to its exit code.
func train(
    _ config: String, _ fault: Fault?, _ collectives: any Collectives, _ clock: PhaseClock
) throws -> ExitCode {
    clock.observer = { phase, step in
        fault?.strike(rank: collectives.rank, phase: phase, step: step) { error in
            record(error, collectives, clock)
            collectives.abort(exitCode: error.exitCode.rawValue)
        }
    }
    do {
        let context = try RankContext.make(
            collectives: collectives, clock: clock, environment: ProcessInfo.processInfo.environment)
        let end = try Trainer.train(try RunConfig.load(path: config), context: context, isTerminal: false)
        if case .stopped = end { return .stoppedEarly }
    } catch let failure as AgreedFailure {
        if failure.reportingRank == collectives.rank { record(failure.error, collectives, clock) }
        return failure.error.exitCode
    }
    return .done
}

func run() throws -> Int32 {
    let environment = ProcessInfo.processInfo.environment
    let fault = try Fault(environment)
    guard CommandLine.arguments.count == 3 else {
        throw AltaError("usage: alta-fault-check align CONFIG", exitCode: .usage)
    }
    startCompanion()
    fault?.strike(rank: LaunchedRank(environment).rank, phase: "launch", step: nil) { _ in exit(1) }
    let rank = try WatchedJob(
        environment: environment, say: { FileHandle.standardError.write(Data("\($0)\n".utf8)) }, exit: { _exit($0) }
    ).startProcess()
    let (collectives, board) = (rank.collectives, rank.board)
    let clock = PhaseClock(board: board)
    do {
        let code = try train(CommandLine.arguments[2], fault, collectives, clock)
        clock.current = "end"
        try rank.leave()
        return code.rawValue
    } catch {
        let error = (error as? AltaError) ?? AltaError("\(error)")
        record(error.at(rank: collectives.rank), collectives, clock)
        collectives.abort(exitCode: error.exitCode.rawValue)
        return error.exitCode.rawValue
    }
}

do { exit(try run()) } catch {
    FileHandle.standardError.write(Data("error: \(error)\n".utf8))
    exit((error as? AltaError)?.exitCode.rawValue ?? 1)
}
