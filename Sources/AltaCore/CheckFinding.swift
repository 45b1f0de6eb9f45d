/// One thing that a preflight looked at, and what it found.
public struct CheckFinding: Equatable, Sendable {
    /// How it turned out.
    public enum Verdict: String, Sendable, CaseIterable {
        /// As it should be.
        case ok
        /// A job runs, but slower than it could, or something was not looked at.
        case note
        /// A job would not start, would end, or would be a wrong one.
        case failed = "fail"
    }

    /// What was looked at, in a word or two that stay the same: `clock`, `launch agent`.
    public var check: String
    /// How it turned out.
    public var verdict: Verdict
    /// What was found, in one line, naming ranks and hosts.
    public var finding: String
    /// What to do about it; every failure has one.
    public var remedy: String?
    /// Whether it may pass by itself, as a host that is not there yet.
    public var isTransient: Bool
    /// What was measured, under names with units.
    public var values: JSONObject

    /// Something that is as it should be.
    public static func ok(_ check: String, _ finding: String, values: JSONObject = [:]) -> CheckFinding {
        CheckFinding(
            check: check, verdict: .ok, finding: finding, remedy: nil, isTransient: false, values: values)
    }

    /// Something that a person should know, and a job can bear.
    public static func note(
        _ check: String, _ finding: String, remedy: String? = nil, values: JSONObject = [:]
    ) -> CheckFinding {
        CheckFinding(
            check: check, verdict: .note, finding: finding, remedy: remedy, isTransient: false, values: values)
    }

    /// Something that a job would fail of.
    public static func failed(
        _ check: String, _ finding: String, remedy: String, isTransient: Bool = false, values: JSONObject = [:]
    ) -> CheckFinding {
        CheckFinding(
            check: check, verdict: .failed, finding: finding, remedy: remedy, isTransient: isTransient,
            values: values)
    }

    /// A failure that an error tells of.
    /// - Parameter remedy: where the error has none.
    public static func failed(_ check: String, _ error: any Error, remedy: String) -> CheckFinding {
        guard var fault = error as? AltaError else { return failed(check, "\(error)", remedy: remedy) }
        let own = fault.remedy
        fault.remedy = nil
        return failed(
            check, fault.description, remedy: own ?? remedy, isTransient: fault.exitCode == .stoppedEarly)
    }

    /// The line that a person reads: `ok   clock: ...`, `FAIL output: ...; remedy`.
    public var line: String {
        let mark =
            switch verdict {
            case .ok: "ok  "
            case .note: "note"
            case .failed: "FAIL"
            }
        let text = "\(mark) \(check): \(finding)" + (remedy.map { "; \($0)" } ?? "")
        return text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}

extension CheckFinding {
    /// As one JSON object: `check`, `verdict` (`ok`, `note`, `fail`), `finding`, and where there are any `remedy`,
    /// `transient` and `values`.
    public var json: JSONValue {
        var object: JSONObject = [
            "check": .string(check), "verdict": .string(verdict.rawValue), "finding": .string(finding),
        ]
        if let remedy { object["remedy"] = .string(remedy) }
        if isTransient { object["transient"] = true }
        if values.count > 0 { object["values"] = .object(values) }
        return .object(object)
    }

    /// Reads what `json` gives; nil for anything else.
    public init?(json: JSONValue) {
        guard let check = json["check"]?.string, let verdict = json["verdict"]?.string.flatMap(Verdict.init),
            let finding = json["finding"]?.string
        else { return nil }
        self.init(
            check: check, verdict: verdict, finding: finding, remedy: json["remedy"]?.string,
            isTransient: json["transient"]?.bool ?? false, values: json["values"]?.object ?? [:])
    }
}

extension Collection where Element == CheckFinding {
    /// How a program that found these ends: 0 where nothing failed, 75 where all that failed may pass, else 1.
    public var exitCode: ExitCode {
        let failures = filter { $0.verdict == .failed }
        if failures.isEmpty { return .done }
        return failures.allSatisfy(\.isTransient) ? .stoppedEarly : .failed
    }
}
