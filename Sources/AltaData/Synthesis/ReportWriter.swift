import AltaCore

/// Writes the report of a study in a radiologist's varied wording. What it says follows from the study's states; the
/// stream only chooses words, order and which absent findings are mentioned.
public struct ReportWriter {
    /// Sentences about what is absent are added up to this length: a real report says a few of them, and every one is
    /// noise to a model that must tell studies apart.
    public static let leastWords = 26

    private let study: SyntheticStudy
    private var draws: RandomDraws

    private init(_ study: SyntheticStudy, key: RandomKey) {
        self.study = study
        draws = RandomDraws(key)
    }

    /// The report of a study of the cohort with this seed: about 25 to 75 words.
    public static func report(_ study: SyntheticStudy, seed: UInt64) -> String {
        let key = SyntheticCohort.key(seed: seed, patient: study.patient).child(2).child(UInt64(study.visit))
        var writer = ReportWriter(study, key: key.child(6))
        return writer.write()
    }

    private mutating func write() -> String {
        var opening: [String] = []
        if draws.chance(0.15) { opening.append("INDICATION: \(draws.pick(ReportPhrases.indications)).") }
        if draws.chance(0.6) { opening.append(draws.pick(ReportPhrases.technique)) }
        if study.hasPrior && draws.chance(0.6) { opening.append(draws.pick(ReportPhrases.comparisons)) }
        let positive = draws.shuffled(study.states).map { sentence($0) }
        let impression = self.impression()
        let needed = ReportWriter.leastWords - words(opening) - words(positive) - words([impression])
        let negative = negatives(atLeast: needed)
        let body = draws.chance(0.75) ? positive + negative : negative + positive
        return layout(opening: opening, findings: body, impression: impression)
    }

    private mutating func layout(opening: [String], findings: [String], impression: String) -> String {
        let start = opening.joined(separator: " ")
        let body = findings.joined(separator: " ")
        let gap = start.isEmpty ? "" : " "
        switch draws.weighted([0.4, 0.25, 0.2, 0.15]) {
        case 0: return "\(start)\(gap)FINDINGS: \(body) IMPRESSION: \(impression)"
        case 1: return "\(start)\(gap)\(body) Impression: \(impression)"
        case 2: return "\(start)\(gap)FINDINGS: \(body)\nIMPRESSION: \(impression)"
        default: return "\(start)\(gap)\(body) In summary: \(impression)"
        }
    }

    private mutating func sentence(_ state: FindingState) -> String {
        fill(draws.pick(ReportPhrases.of(state.finding).sentences(state.change)), state, isSentence: true)
    }

    /// The findings again, shorter and with the change, most important first.
    private mutating func impression() -> String {
        let diseases = study.present.filter { !$0.finding.kind.isDevice }
        let shown = diseases + study.present.filter { $0.finding.kind.isDevice && draws.chance(0.4) }
        guard !shown.isEmpty else {
            return draws.pick(study.present.isEmpty ? ReportPhrases.normal : ReportPhrases.noAcuteDisease)
        }
        let lines = shown.map { state in
            var line = fill(draws.pick(ReportPhrases.of(state.finding).impression), state, isSentence: false)
            if let change = state.change, !state.finding.kind.isDevice { line += ", \(word(change))" }
            return line
        }
        let joined =
            lines.count > 1 && draws.chance(0.5) ? lines.joined(separator: "; ") : lines.joined(separator: ". ")
        return joined.split(separator: ". ").map { ReportWriter.capitalised(String($0)) }.joined(separator: ". ") + "."
    }

    private mutating func word(_ change: FindingChange) -> String {
        switch change {
        case .new: draws.pick(["new", "new since the prior study"])
        case .increased: draws.pick(["increased", "worse", "progressed"])
        case .decreased: draws.pick(["decreased", "improved"])
        case .unchanged: draws.pick(["unchanged", "stable"])
        case .resolved: "resolved"
        }
    }

    /// Sentences about what is absent, at least so many words of them, then neutral remarks.
    private mutating func negatives(atLeast count: Int) -> [String] {
        let mentioned = Set(study.states.map(\.finding.kind))
        let lungDisease: [FindingKind] = [.consolidation, .edema, .atelectasis, .nodule, .effusion, .pneumothorax]
        var sentences: [String] = []
        if study.present.allSatisfy({ !lungDisease.contains($0.finding.kind) }) {
            sentences.append(draws.pick(ReportPhrases.clearLungs))
        }
        let candidates: [ReportPhrases] = [
            (FindingKind.pneumothorax, ReportPhrases.pneumothorax), (.effusion, .effusion),
            (.cardiomegaly, .cardiomegaly),
            (.consolidation, .consolidation), (.edema, .edema), (.atelectasis, .atelectasis), (.nodule, .nodule),
        ].filter { !mentioned.contains($0.0) }.map(\.1)
        for phrases in draws.shuffled(candidates) where words(sentences) < count {
            sentences.append(draws.pick(phrases.absent))
        }
        for remark in draws.shuffled(ReportPhrases.neutral) where words(sentences) < count { sentences.append(remark) }
        return draws.shuffled(sentences)
    }

    private func words(_ sentences: [String]) -> Int {
        sentences.reduce(0) { $0 + $1.split(separator: " ").count }
    }

    private mutating func fill(_ template: String, _ state: FindingState, isSentence: Bool) -> String {
        let finding = state.finding
        let isPair = finding.side == .bilateral
        let size = draws.pick(ReportPhrases.sizes(finding.kind, state.extent))
        let millimetres = finding.diameterMillimetres(state.extent)
        let article = size.first == "e" && !template.contains("{a}new") ? "an " : "a "
        let values = [
            "side": finding.side.rawValue, "size": size, "lobe": finding.lobe, "mm": "\(millimetres)",
            "zone": finding.zone == .middle ? "mid" : finding.zone?.rawValue ?? "",
            "mass": millimetres > 30 ? "mass" : "nodule",
            "base": isPair ? "bilateral lung bases" : "\(finding.side.rawValue) lung base", "a": isPair ? "" : article,
            "s": isPair ? "s" : "", "is": isPair ? "are" : "is", "has": isPair ? "have" : "has",
        ]
        var text = ""
        for (place, part) in template.split(separator: "{", omittingEmptySubsequences: false).enumerated() {
            guard place > 0, let end = part.firstIndex(of: "}") else {
                text += part
                continue
            }
            text += (values[String(part[..<end])] ?? "") + part[part.index(after: end)...]
        }
        let grammatical = ["extensive", "18 mm"].reduce(text) { text, word in
            text.replacing("A \(word)", with: "An \(word)").replacing(" a \(word)", with: " an \(word)")
        }
        return isSentence ? ReportWriter.capitalised(grammatical) : grammatical
    }

    private static func capitalised(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }
}
