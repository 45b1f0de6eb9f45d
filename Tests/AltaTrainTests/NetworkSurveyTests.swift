import AltaComm
import AltaCore
import AltaTestSupport
import AltaTrain
import Foundation
import Synchronization
import Testing

/// Which links a survey of hosts calls silent, over threads that send one another messages.
@Suite struct NetworkSurveyTests {
    private static let hosts = ["a", "b", "c", "d"]

    /// Who heard nothing of whom: as in a preflight the rank tells, waits a little for others to tell, and ends the job.
    private func silences(cut: [Int]) -> [[Int]] {
        let silences = Mutex<[[Int]]>([])
        let post = Post(cut: cut)
        _ = try? ThreadCollectives.run(rankCount: 4) { collectives in
            let meter = PairMeter(
                ranks: PostOffice(rank: collectives.rank, post: post), rank: collectives.rank, patienceSeconds: 1)
            do {
                let found = try NetworkSurvey(collectives: collectives, hosts: Self.hosts, meter: meter).run()
                #expect(found.pairs.count == 6)
            } catch let silence as PairMeter.Silence {
                silences.withLock { $0.append([collectives.rank, silence.other]) }
                usleep(500_000)
                throw silence
            }
        }
        return silences.withLock { $0.sorted { $0[0] < $1[0] } }
    }

    @Test func linksThatCarryMessagesAreNotSilent() { #expect(silences(cut: []) == []) }

    /// The others wait for the two ranks meanwhile, and blame nobody.
    @Test(arguments: [[0, 1], [0, 2], [0, 3], [1, 2], [2, 3]]) func onlyTheSilentLinkIsNamed(cut: [Int]) {
        #expect(silences(cut: cut) == [cut, [cut[1], cut[0]]])
    }
}

/// Messages between threads; those between two ranks get lost.
private final class Post: Sendable {
    let cut: [Int]
    private let messages = Mutex<[[Int]: [Data]]>([:])

    init(cut: [Int]) { self.cut = cut }

    func send(_ message: Data, from: Int, to: Int) {
        guard [min(from, to), max(from, to)] != cut else { return }
        messages.withLock { $0[[from, to], default: []].append(message) }
    }

    func take(from: Int, to: Int) -> Data? {
        messages.withLock { all in
            guard let waiting = all[[from, to]], let first = waiting.first else { return nil }
            all[[from, to]] = Array(waiting.dropFirst())
            return first
        }
    }
}

/// One rank's side of the post.
private struct PostOffice: PointToPoint {
    let rank: Int
    let post: Post

    func startSending(_ bytes: UnsafeRawBufferPointer, to rank: Int) -> any StartedMessage {
        post.send(Data(bytes), from: self.rank, to: rank)
        return Message { true }
    }

    func startReceiving(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) -> any StartedMessage {
        let (post, own) = (post, self.rank)
        return Message {
            guard let data = post.take(from: rank, to: own) else { return false }
            data.copyBytes(to: bytes)
            return true
        }
    }
}

private final class Message: StartedMessage {
    private let ask: () -> Bool

    init(_ ask: @escaping () -> Bool) { self.ask = ask }

    func isDone() -> Bool { ask() }
}
