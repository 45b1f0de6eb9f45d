import AltaCore

/// Draws the findings of a patient's first study and how they change from one study to the next.
///
/// Findings that would hide each other (an effusion and a consolidation in the same lower zone) do not occur together,
/// so that what a report says can be seen.
struct FindingEvolution {
    private let key: RandomKey
    private var draws: RandomDraws
    private var serial: UInt64 = 0
    private var states: [FindingState] = []

    /// The course of one patient; `key` is the patient's.
    init(key: RandomKey) {
        self.key = key
        draws = RandomDraws(key.child(1))
    }

    /// The states of `count` studies in order of time.
    static func course(key: RandomKey, count: Int) -> [[FindingState]] {
        var evolution = FindingEvolution(key: key)
        return (0..<count).map { $0 == 0 ? evolution.first() : evolution.next() }
    }

    private mutating func first() -> [FindingState] {
        let isNormal = draws.chance(0.27)
        if !isNormal {
            add(diseases: 1 + draws.weighted([0.36, 0.42, 0.22]), prior: nil)
            addDevices(probability: 0.4, prior: nil)
        }
        return states
    }

    private mutating func next() -> [FindingState] {
        states = states.filter(\.isPresent)
        states = states.map { state in
            let extent = visible(state.finding.kind, evolved(state))
            return FindingState(finding: state.finding, extent: extent, priorExtent: state.extent)
        }
        let diseases = states.filter { $0.isPresent && !$0.finding.kind.isDevice }.count
        if diseases == 0 || (diseases < 3 && draws.chance(0.4)) { add(diseases: 1, prior: .absent) }
        addDevices(probability: 0.12, prior: .absent)
        return states
    }

    private mutating func evolved(_ state: FindingState) -> FindingExtent {
        let rank = state.extent.rawValue
        switch state.finding.kind {
        case .pacemaker, .sternotomyWires: return state.extent
        case .endotrachealTube, .centralLine, .chestTube: return draws.chance(0.5) ? .absent : state.extent
        case .cardiomegaly, .nodule:
            let step = draws.weighted([0.15, 0.4, 0.45]) - 1
            return FindingExtent(rawValue: min(3, max(1, rank + step))) ?? state.extent
        default:
            let step = [-3, -1, 0, 1][draws.weighted([0.18, 0.27, 0.22, 0.33])]
            return FindingExtent(rawValue: min(3, max(0, rank + step))) ?? state.extent
        }
    }

    private mutating func add(diseases count: Int, prior: FindingExtent?) {
        var added = 0
        for _ in 0..<12 where added < count {
            let kinds: [FindingKind] = [
                .cardiomegaly, .effusion, .pneumothorax, .consolidation, .edema, .atelectasis, .nodule,
            ]
            let kind = kinds[draws.weighted([0.16, 0.22, 0.15, 0.2, 0.11, 0.09, 0.13])]
            let finding = candidate(kind)
            guard fits(finding) else { continue }
            let extent = FindingExtent(rawValue: 1 + draws.weighted([0.3, 0.37, 0.33])) ?? .moderate
            states.append(FindingState(finding: finding, extent: visible(kind, extent), priorExtent: prior))
            added += 1
        }
    }

    /// An extent that hides nothing else that the report speaks of: an effusion leaves the border of an enlarged heart
    /// free, and edema whites out both lungs only where there is nothing else in them.
    private func visible(_ kind: FindingKind, _ extent: FindingExtent) -> FindingExtent {
        let others = Set(states.map(\.finding.kind))
        switch kind {
        case .effusion where others.contains(.cardiomegaly): return min(extent, .moderate)
        case .edema where !others.isDisjoint(with: FindingEvolution.hiddenByEdema): return min(extent, .moderate)
        default: return extent
        }
    }

    private static let hiddenByEdema: Set<FindingKind> = [.effusion, .consolidation, .nodule, .atelectasis]

    private mutating func addDevices(probability: Float, prior: FindingExtent?) {
        guard draws.chance(probability) else { return }
        let weights: [Float] = [0.22, 0.3, 0.22, 0.18, 0.08]
        let kinds: [FindingKind] = [.endotrachealTube, .centralLine, .pacemaker, .sternotomyWires, .chestTube]
        var kind = kinds[draws.weighted(weights)]
        let drained = states.first { $0.isPresent && $0.finding.kind == .pneumothorax }
        if drained != nil && draws.chance(0.5) { kind = .chestTube }
        var finding = candidate(kind)
        if let drained, kind == .chestTube {
            finding = Finding(kind: kind, side: drained.finding.side, zone: nil, key: finding.key)
        }
        guard fits(finding) else { return }
        states.append(FindingState(finding: finding, extent: .moderate, priorExtent: prior))
    }

    private mutating func candidate(_ kind: FindingKind) -> Finding {
        serial += 1
        let side: BodySide = draws.chance(0.5) ? .left : .right
        let zone = LungZone.allCases[draws.below(3)]
        let isBoth = draws.chance(0.2)
        let own = key.child(100 + serial)
        switch kind {
        case .cardiomegaly, .endotrachealTube, .sternotomyWires:
            return Finding(kind: kind, side: .midline, zone: nil, key: own)
        case .edema: return Finding(kind: kind, side: .bilateral, zone: nil, key: own)
        case .effusion: return Finding(kind: kind, side: isBoth ? .bilateral : side, zone: .lower, key: own)
        case .atelectasis: return Finding(kind: kind, side: isBoth ? .bilateral : side, zone: .lower, key: own)
        case .pacemaker: return Finding(kind: kind, side: isBoth ? .right : .left, zone: nil, key: own)
        case .centralLine: return Finding(kind: kind, side: isBoth ? .left : side, zone: nil, key: own)
        case .pneumothorax, .chestTube: return Finding(kind: kind, side: side, zone: nil, key: own)
        case .consolidation, .nodule: return Finding(kind: kind, side: side, zone: zone, key: own)
        }
    }

    /// Whether a finding can be seen beside those that are there. What has just resolved still keeps its place, so that
    /// a report never calls one effusion resolved and another new.
    private func fits(_ finding: Finding) -> Bool {
        if states.contains(where: { $0.finding.kind == finding.kind }) { return false }
        for state in states where state.extent == .large {
            if state.finding.kind == .effusion && finding.kind == .cardiomegaly { return false }
            if state.finding.kind == .edema && FindingEvolution.hiddenByEdema.contains(finding.kind) { return false }
        }
        let taken = Set(states.flatMap { FindingEvolution.places($0.finding) })
        return taken.isDisjoint(with: FindingEvolution.places(finding))
    }

    /// The parts of the lungs that a finding needs for itself, as `left-lower`.
    private static func places(_ finding: Finding) -> [String] {
        let zones: [LungZone]
        switch finding.kind {
        case .effusion: zones = [.middle, .lower]
        case .pneumothorax: zones = [.upper, .middle]
        case .consolidation, .nodule: zones = [finding.zone ?? .lower]
        case .atelectasis: zones = [.lower]
        case .pacemaker: zones = [.upper]
        default: zones = []
        }
        return finding.side.lungs.flatMap { side in zones.map { "\(side.rawValue)-\($0.rawValue)" } }
    }
}
