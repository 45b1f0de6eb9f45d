import AltaCore

/// What a synthetic radiograph can show beyond normal anatomy.
public enum FindingKind: String, CaseIterable, Sendable, Codable {
    case cardiomegaly, effusion, pneumothorax, consolidation, edema, atelectasis, nodule
    case endotrachealTube = "endotracheal-tube"
    case centralLine = "central-line"
    case pacemaker
    case sternotomyWires = "sternotomy-wires"
    case chestTube = "chest-tube"

    /// Whether it is hardware, not disease.
    public var isDevice: Bool {
        switch self {
        case .endotrachealTube, .centralLine, .pacemaker, .sternotomyWires, .chestTube: true
        default: false
        }
    }
}

/// A side of the patient. The patient's left is on the right of a frontal image.
public enum BodySide: String, CaseIterable, Sendable, Codable {
    case left, right, bilateral, midline

    /// The lungs it covers.
    var lungs: [BodySide] {
        switch self {
        case .left, .right: [self]
        case .bilateral: [.right, .left]
        case .midline: []
        }
    }
}

/// A third of a lung, from the apex down; with the side it names a lobe.
public enum LungZone: String, CaseIterable, Sendable, Codable {
    case upper, middle, lower
}

/// How much of a finding there is.
public enum FindingExtent: Int, CaseIterable, Comparable, Sendable, Codable {
    case absent, small, moderate, large

    /// By size.
    public static func < (a: FindingExtent, b: FindingExtent) -> Bool { a.rawValue < b.rawValue }

    /// 0, 1/3, 2/3, 1.
    var fraction: Float { Float(rawValue) / 3 }
}

/// How a finding differs from the prior study.
public enum FindingChange: String, CaseIterable, Sendable, Codable {
    case new, increased, decreased, unchanged, resolved
}

/// What of a finding stays the same from study to study: where it is and how it looks.
public struct Finding: Hashable, Sendable {
    /// What it is.
    public let kind: FindingKind
    /// Where: the side.
    public let side: BodySide
    /// Where: the zone; nil where a kind has none.
    public let zone: LungZone?
    /// The stream of its looks (texture, exact place); also chooses between a jugular line and a PICC (`isPeripheral`).
    let key: RandomKey

    /// Stores the facts; `key` decides the looks.
    public init(kind: FindingKind, side: BodySide, zone: LungZone?, key: RandomKey) {
        self.kind = kind
        self.side = side
        self.zone = zone
        self.key = key
    }

    /// Of a central line: whether it comes from the arm (PICC), not from the neck.
    public var isPeripheral: Bool { key.uniform(63) < 0.5 }

    /// The lobe that side and zone name, as a radiologist calls it.
    public var lobe: String {
        switch (side, zone) {
        case (.right, .upper): "right upper lobe"
        case (.right, .middle): "right middle lobe"
        case (.right, _): "right lower lobe"
        case (_, .upper): "left upper lobe"
        case (_, .middle): "lingula"
        default: "left lower lobe"
        }
    }

    /// The diameter of a nodule in millimetres, even so that its radius is whole.
    public func diameterMillimetres(_ extent: FindingExtent) -> Int {
        let smallest = [0, 16, 24, 36][extent.rawValue]
        return smallest + 2 * key.integer(30, below: 3)
    }
}

/// A finding in one study.
public struct FindingState: Hashable, Sendable {
    /// Which.
    public let finding: Finding
    /// How much of it there is now; `absent` only for a finding that the prior study had.
    public let extent: FindingExtent
    /// How much there was in the prior study; nil without one.
    public let priorExtent: FindingExtent?

    /// Stores the facts.
    public init(finding: Finding, extent: FindingExtent, priorExtent: FindingExtent?) {
        self.finding = finding
        self.extent = extent
        self.priorExtent = priorExtent
    }

    /// Whether the current image shows it.
    public var isPresent: Bool { extent != .absent }

    /// The difference from the prior study; nil without one.
    public var change: FindingChange? {
        guard let priorExtent else { return nil }
        if priorExtent == .absent { return .new }
        if extent == .absent { return .resolved }
        if extent > priorExtent { return .increased }
        return extent < priorExtent ? .decreased : .unchanged
    }

    /// A code for tables: `kind:side:zone:extent:change` with `-` for what does not apply.
    public var code: String {
        let zone = finding.zone?.rawValue ?? "-"
        let change = change?.rawValue ?? "-"
        return "\(finding.kind.rawValue):\(finding.side.rawValue):\(zone):\(extent):\(change)"
    }
}
