import AltaComm
import AltaCore
import Foundation

/// What goes wrong.
enum Fault: String {
    case none
    /// The rank does not start MPI.
    case start
    /// The rank computes for ever.
    case busy
    /// The rank stops itself (SIGSTOP) while it computes.
    case stop
    /// The rank and the one below it stop.
    case stopTwo
    /// The rank is in a barrier while the others are in an all-reduce.
    case mismatch
    /// The rank does not write into shared memory what the others wait for.
    case memory
    /// Every rank but this one of a group is in a collective of the group, and waits for it.
    case group
    /// The rank does not begin an all-reduce that the others wait for.
    case started
    /// The rank tells that it is in step 5 and waits to be stopped from outside, inside the collective.
    case inside
}

/// Steps of one collective each, and a fault in the fifth.
struct StallingJob {
    let collectives: WatchedCollectives
    let board: RankBoard
    let fault: Fault
    /// The rank that goes wrong.
    let rank: Int

    private var isFaulty: Bool { collectives.rank == rank }

    func run() throws {
        let all = try collectives.split(color: 0)
        let memory = try all.shareMemory(byteCount: 8)
        for step in 1...8 {
            board.publish(step: step)
            board.publish(phase: "forward")
            if step == 5, isFaulty || fault == .stopTwo && collectives.rank == rank - 1 { misbehave() }
            board.publish(phase: "communication")
            if step == 5 { try meetWrongly(all, memory) }
            let sum = try collectives.allReduce([Int64](repeating: Int64(step), count: 10 + step), .sum)
            guard sum[0] == Int64(step * collectives.rankCount) else { throw AltaError("a wrong sum") }
            board.publish(completedSteps: step)
        }
        board.publish(phase: "end")
        if collectives.rank == 0 { print("8 steps") }
    }

    /// Before the collective.
    private func misbehave() {
        switch fault {
        case .busy:
            while true { usleep(1000) }
        case .stop, .stopTwo: raise(SIGSTOP)
        default: break
        }
    }

    /// In the collective.
    private func meetWrongly(_ all: any Collectives, _ memory: SharedMemory) throws {
        switch fault {
        case .mismatch where isFaulty: try collectives.barrier()
        case .memory:
            if !isFaulty { memory.publish(1, on: 0) }
            if isFaulty { while true { usleep(1000) } }
            try all.waitInMemory { memory.least(on: 0) == 1 }
        case .group:
            if isFaulty { while true { usleep(1000) } }
            _ = try all.allReduce([1.5, 2.5], .maximum)
        case .started:
            if isFaulty { while true { usleep(1000) } }
            try start(all)
        case .inside:
            if isFaulty { say("inside") } else { sleep(2) }
        default: break
        }
    }

    private func start(_ all: any Collectives) throws {
        var values: [Int64] = [1, 2, 3]
        try values.withUnsafeMutableBufferPointer { try all.startAllReduce($0, .sum).wait() }
    }
}
