import AltaCore
import AltaLaunch
import Testing

@Suite struct FailureReportTests {
    private let ruler = String(repeating: "-", count: 74)

    private func messages(_ text: String, state: String? = nil, status: Int32? = nil) -> MpirunMessages {
        MpirunMessages(
            lines: text.split(separator: "\n").map(String.init), stateReport: state, status: status)
    }

    private func record(_ rank: Int, at seconds: Double, phase: String = "data", code: Int32 = 1) -> FailureRecord {
        FailureRecord(
            rank: rank, host: "node\(rank)", phase: phase, step: 3, message: "cannot read\nx.jpg", exitCode: code,
            secondsSince1970: seconds)
    }

    private func report(
        _ end: JobEnd, _ records: [FailureRecord] = [], _ messages: MpirunMessages? = nil
    ) -> FailureReport? {
        FailureReport(
            FailureReport.Facts(
                end: end, records: records, messages: messages ?? self.messages(""),
                output: RankOutput(folder: "/run/ranks"), onlyHost: "vm"))
    }

    private let killed = "mpirun.openmpi noticed that process rank 1 with PID 0 on node vm exited on signal 9 (Killed)."

    @Test func mpirunsMessagesAreRead() {
        let signal = messages("\(ruler)\n\(killed)")
        #expect(signal.rank == 1 && signal.host == "vm" && signal.ending == .signal(9))
        let exit = messages("The first process to do so was:\n  Process name: [[23883,1],1]\n  Exit code:    3")
        #expect(exit.rank == 1 && exit.ending == .exit(3))
        let abort = messages("MPI_ABORT was invoked on rank 2 in communicator MPI_COMM_WORLD\nwith errorcode 7.")
        #expect(abort.rank == 2 && abort.ending == .abort(7))
        let improper = messages(
            "mpirun has exited due to process rank 1 with PID 0 on\nnode vm exiting improperly. There")
        #expect(improper.rank == 1 && improper.host == "vm" && improper.ending == .improper)
        let slots = messages(
            "\(ruler)\nThere are not enough slots available in the system to satisfy the 5\nslots that were requested. X"
        )
        #expect(
            slots.ending == nil
                && slots.firstSentence
                    == "There are not enough slots available in the system to satisfy the 5 slots that were requested"
        )
    }

    @Test(arguments: [
        ("ABORTED BY SIGNAL", 137, MpirunMessages.Ending.signal(9)), ("EXITED WITH NON-ZERO STATUS", 3, .exit(3)),
        ("TERMINATED WITHOUT SYNC", 1, .improper), ("CALLED ABORT", 7, .abort(7)),
    ])
    func stateReportsServeWhereMessagesAreMissing(text: String, status: Int32, ending: MpirunMessages.Ending) {
        let line = "[vm:22] [[15480,0],0] ACTIVATE PROC [[15480,1],13] STATE \(text) AT ../x.c:1746"
        let found = messages("Primary job  terminated normally", state: line, status: status)
        #expect(found.rank == 13 && found.ending == ending)
    }

    @Test func successSaysNothing() {
        #expect(report(JobEnd(status: 0)) == nil)
    }

    @Test func theEarliestRecordIsTheCause() {
        let found = report(JobEnd(status: 1), [record(1, at: 10, code: 4), record(0, at: 11)])
        #expect(found?.lines.first == "error: rank 1 on node1 failed in step 3 (data): cannot read x.jpg")
        #expect(found?.lines[1] == "  its output: /run/ranks/rank-1.log")
        #expect(found?.lines[2].hasPrefix("  after it: rank 0") == true)
        #expect(found?.exitCode == 4)
    }

    /// Hosts' clocks differ: the partner that lost the failing rank may seem to have failed first.
    @Test func aLostPartnerIsNoCauseWhateverItsClockSays() {
        let found = report(
            JobEnd(status: 1), [record(1, at: 10, phase: "communication"), record(0, at: 11, code: 4)])
        #expect(found?.lines.first?.hasPrefix("error: rank 0 on node0 failed in step 3 (data)") == true)
        #expect(found?.exitCode == 4)
    }

    @Test func aKilledRankCanBeResumed() {
        let found = report(JobEnd(status: 137), [], messages(killed))
        #expect(found?.lines.first?.hasPrefix("error: rank 1 on vm was killed by signal 9") == true)
        #expect(found?.exitCode == ExitCode.stoppedEarly.rawValue)
    }

    @Test func aPartnersComplaintIsNotTheCause() {
        let found = report(JobEnd(status: 137), [record(0, at: 1, phase: "communication")], messages(killed))
        #expect(found?.lines.first?.hasPrefix("error: rank 1 on vm was killed") == true)
        let own = report(JobEnd(status: 137), [record(0, at: 1)], messages(killed))
        #expect(own?.lines.first?.hasPrefix("error: rank 0 on node0 failed") == true)
    }

    @Test func exitCodesAreHandedOn() {
        let exit = messages("  Process name: [[23883,1],1]\n  Exit code:    3")
        #expect(report(JobEnd(status: 3), [], exit)?.exitCode == 3)
        #expect(report(JobEnd(status: 0), [record(1, at: 1, code: 0)])?.exitCode == 1)
        #expect(report(JobEnd(status: 1, reason: .signal(15)))?.exitCode == 75)
        #expect(report(JobEnd(status: 1, reason: .timeout(5)), [record(0, at: 1)])?.exitCode == 75)
        #expect(report(JobEnd(status: 1, reason: .hangAfterFailure), [record(0, at: 1, code: 9)])?.exitCode == 9)
        #expect(report(JobEnd(status: 137, wasKilled: true))?.exitCode == 75)
        let lost = messages("ORTE has lost communication with a remote daemon.")
        #expect(report(JobEnd(status: 205), [], lost)?.exitCode == 75)
    }

    @Test func mpirunsOwnFailureIsTold() {
        let found = report(JobEnd(status: 1), [], messages("\(ruler)\nThere are not enough slots. More"))
        #expect(found?.lines.first == "error: mpirun could not run the job (exit status 1): There are not enough slots")
        #expect(found?.exitCode == 1)
    }
}
