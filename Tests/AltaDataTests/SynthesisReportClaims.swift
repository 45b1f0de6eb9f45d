import AltaData

/// What a report claims, read by rules of its own: keywords, negations, sides, sizes, changes. Written beside the report
/// writer, not from it, so that the two can disagree.
struct SynthesisReportClaims {
    /// One statement about one kind of finding.
    struct Claim {
        let kind: FindingKind
        let isNegated: Bool
        let words: Set<String>
        let text: String
    }

    let claims: [Claim]

    static let keywords: [(FindingKind, [String])] = [
        (.cardiomegaly, ["cardiomegaly", "enlarge", "heart", "cardiac silhouette"]),
        (.effusion, ["effusion", "costophrenic"]),
        (.pneumothorax, ["pneumothorax"]), (.consolidation, ["consolidation", "airspace opacity", "pneumonia"]),
        (.edema, ["edema", "vasculature"]), (.atelectasis, ["atelectasis", "volume loss"]),
        (.nodule, ["nodule", " mass"]),
        (.endotrachealTube, ["endotracheal"]), (.centralLine, ["picc", "central line", "central venous"]),
        (.pacemaker, ["pacemaker"]), (.sternotomyWires, ["sternotomy"]), (.chestTube, ["chest tube"]),
    ]
    private static let negations = [
        "no ", "is normal", "within normal limits", "not enlarged", "angles are sharp", "size is normal",
    ]

    init(_ report: String) {
        var claims: [Claim] = []
        for sentence in SynthesisReportClaims.sentences(report) {
            let lower = sentence.lowercased()
            let words = Set(lower.split { !$0.isLetter && !$0.isNumber && $0 != "-" }.map(String.init))
            let isNegated = SynthesisReportClaims.negations.contains { lower.hasPrefix($0) || lower.contains(" \($0)") }
            for (kind, keys) in SynthesisReportClaims.keywords where keys.contains(where: lower.contains) {
                claims.append(Claim(kind: kind, isNegated: isNegated, words: words, text: sentence))
            }
        }
        self.claims = claims
    }

    /// The statements of a report; the indication is a question, not a statement.
    private static func sentences(_ report: String) -> [String] {
        var text = report.replacing("\n", with: " ")
        for heading in ["FINDINGS:", "IMPRESSION:", "Impression:", "In summary:"] { text.replace(heading, with: ". ") }
        return text.replacing(";", with: ".").split(separator: ".").map { $0.drop { $0 == " " } }.map(String.init)
            .filter { !$0.isEmpty && !$0.hasPrefix("INDICATION") }
    }

    static let sizes: [FindingExtent: Set<String>] = [
        .small: ["small", "mild", "limited"], .moderate: ["moderate"],
        .large: ["large", "severe", "marked", "extensive"],
    ]
    static let changes: [FindingChange: Set<String>] = [
        .new: ["new"], .increased: ["increased", "worse", "worsened", "progressed", "larger", "grown"],
        .decreased: ["decreased", "improved", "smaller"], .unchanged: ["unchanged", "stable"],
        .resolved: ["resolved", "resolution", "removed"],
    ]

    /// How the report contradicts a study; empty where it does not.
    func contradictions(_ study: SyntheticStudy) -> [String] {
        var found: [String] = []
        for kind in FindingKind.allCases {
            let own = claims.filter { $0.kind == kind }
            guard let state = study.states.first(where: { $0.finding.kind == kind }) else {
                found += own.filter { !$0.isNegated }.map { "\(kind) claimed: \($0.text)" }
                continue
            }
            found += own.filter(\.isNegated).map { "\(kind) denied: \($0.text)" }
            if own.isEmpty { found.append("\(state.code) not mentioned") }
            for claim in own { found += contradictions(claim, state).map { "\(state.code): \($0): \(claim.text)" } }
            if let change = state.change, let words = Self.changes[change] {
                if own.allSatisfy({ $0.words.isDisjoint(with: words) }) {
                    found.append("\(state.code): no change told")
                }
            }
        }
        return found
    }

    private func contradictions(_ claim: Claim, _ state: FindingState) -> [String] {
        var found: [String] = []
        let side = state.finding.side
        let hasSide = side != .midline && state.finding.kind != .edema && state.finding.kind != .pacemaker
        let isPneumonia = state.finding.kind == .consolidation
        // The lingula is on the left by its name; a pacemaker's leads end on the right whatever its side.
        if hasSide, !claim.words.contains(side.rawValue), !claim.words.contains("lingula") {
            found.append("side missing")
        }
        for other in [BodySide.left, .right] where hasSide && other != side && claim.words.contains(other.rawValue) {
            found.append("wrong side")
        }
        if isPneumonia {
            let named = state.finding.lobe.split(separator: " ").map(String.init)
            if !claim.words.isSuperset(of: named) { found.append("lobe missing") }
        }
        if !state.finding.kind.isDevice, state.isPresent {
            for (extent, words) in Self.sizes where !claim.words.isDisjoint(with: words) && extent != state.extent {
                found.append("wrong size")
            }
            let sized = Self.sizes[state.extent, default: []].union(["mm"])
            if claim.words.isDisjoint(with: sized) { found.append("size missing") }
        }
        for (change, words) in Self.changes where !claim.words.isDisjoint(with: words) && change != state.change {
            found.append("wrong change")
        }
        return found
    }
}
