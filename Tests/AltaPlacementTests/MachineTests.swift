import AltaCore
import AltaPlacement
import Foundation
import Glibc
import Testing

/// The machine at hand, where all that is certain are relations.
struct MachineTests {
    static let terminalMaker = "/dev/ptmx"

    @Test func topologyIsConsistent() throws {
        let machine = try MachineTopology.current()
        let all = Set(machine.allCores.cores)
        #expect(!machine.usableCores.cores.isEmpty)
        #expect(all.isSuperset(of: machine.usableCores.cores))
        #expect(machine.physicalCores.flatMap(\.cores).sorted() == machine.usableCores.cores)
        #expect(!machine.memoryNodes.isEmpty)
        #expect(Set(machine.memoryNodes.flatMap(\.cores.cores)) == all)
        #expect(machine.memoryNodes.allSatisfy { $0.memoryBytes >= $0.freeMemoryBytes })
        #expect(machine.availableMemoryBytes > 0 && machine.availableMemoryBytes <= machine.memoryBytes)
        #expect(machine.usableMemoryBytes <= machine.availableMemoryBytes)
        let hostName = try String(contentsOfFile: "/proc/sys/kernel/hostname", encoding: .utf8)
        #expect(machine.hostName == hostName.trimmingCharacters(in: .whitespacesAndNewlines))
        let json = try JSONEncoder().encode(machine)
        #expect(try JSONDecoder().decode(MachineTopology.self, from: json) == machine)
    }

    @Test func siblingsShareAPhysicalCore() {
        let siblings = [0: [0, 4], 4: [0, 4], 1: [1, 5], 5: [1, 5], 2: [2, 6]]
        let groups = MachineTopology.physicalCores(usable: CoreList([0, 1, 2, 3, 4, 5])) { core in
            siblings[core].map { CoreList($0) }
        }
        #expect(groups == [CoreList([0, 4]), CoreList([1, 5]), CoreList([2]), CoreList([3])])
    }

    @Test func limitOfTheGroupBoundsUsableMemory() throws {
        var machine = try MachineTopology.current()
        machine.controlGroup = ControlGroup(memoryLimitBytes: 1 << 20)
        #expect(machine.usableMemoryBytes == 1 << 20)
        machine.controlGroup = ControlGroup(memoryLimitBytes: .max)
        #expect(machine.usableMemoryBytes == machine.availableMemoryBytes)
    }

    /// On a thread of its own, since the binding would stay with a shared one.
    @Test func affinityIsSetAndInherited() throws {
        let found = try onThread { () -> [CoreList] in
            let before = try ProcessAffinity.current()
            let last = CoreList(before.cores.suffix(1))
            try ProcessAffinity.set(last)
            let inherited = try onThread { try ProcessAffinity.current() }
            return [last, try ProcessAffinity.current(), inherited]
        }
        #expect(found == [found[0], found[0], found[0]])
        #expect(found[0].cores.count == 1)
    }

    @Test(arguments: [[], [(1 << 20) - 1], [1 << 40]])
    func impossibleBindingIsAnError(cores: [Int]) throws {
        let before = try ProcessAffinity.current()
        let error = #expect(throws: AltaError.self) { try ProcessAffinity.set(CoreList(cores)) }
        #expect(error?.description.contains("cannot bind this thread to \(CoreList(cores))") == true)
        #expect(try ProcessAffinity.current() == before)
    }

    @Test func peakMemoryGrowsWithUse() throws {
        let before = try ProcessMemory.peakResidentBytes()
        let byteCount = before + (32 << 20)
        let used = [UInt8](repeating: 1, count: byteCount)
        let resident = try ProcessMemory.residentBytes()
        #expect(used[byteCount / 2] == 1)
        #expect(resident >= byteCount)
        #expect(try ProcessMemory.peakResidentBytes() >= byteCount)
    }

    /// One test for both signals: the flag belongs to the process, which can be ended again afterwards.
    @Test func signalsSetTheFlagOnly() throws {
        defer { for signal in StopSignal.allCases { Glibc.signal(signal.number, SIG_DFL) } }
        try StopSignal.watch()
        #expect(StopSignal.pending == nil)
        for signal in StopSignal.allCases {
            kill(getpid(), signal.number)
            // A signal to a process may be delivered to any of its threads, a little later.
            for _ in 0..<200 where StopSignal.pending == nil { usleep(10_000) }
            #expect(StopSignal.pending == signal)
            StopSignal.clear()
            #expect(StopSignal.pending == nil)
        }
    }

    @Test func fileIsNoTerminal() throws {
        let file = try FileHandle(forReadingFrom: URL(filePath: "/dev/null"))
        #expect(!Terminal.isTerminal(file.fileDescriptor))
        #expect(Terminal.columns(file.fileDescriptor) == nil)
    }

    /// A pseudo-terminal says what it is told to be.
    @Test(.enabled(if: FileManager.default.isWritableFile(atPath: terminalMaker)))
    func terminalTellsItsColumns() throws {
        let descriptor = open(Self.terminalMaker, O_RDWR | O_NOCTTY)
        defer { close(descriptor) }
        #expect(descriptor >= 0)
        #expect(Terminal.isTerminal(descriptor))
        var size = winsize(ws_row: 24, ws_col: 97, ws_xpixel: 0, ws_ypixel: 0)
        #expect(ioctl(descriptor, UInt(TIOCSWINSZ), &size) == 0)
        #expect(Terminal.columns(descriptor) == 97)
    }

    /// What `body` returns on a new thread.
    private func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) throws -> T {
        let outcome = Outcome<T>()
        let done = DispatchSemaphore(value: 0)
        Thread {
            outcome.result = Result { try body() }
            done.signal()
        }.start()
        done.wait()
        return try #require(outcome.result).get()
    }
}

/// Carries a result from one thread to another that waits for it.
private final class Outcome<T: Sendable>: @unchecked Sendable {
    var result: Result<T, any Error>?
}
