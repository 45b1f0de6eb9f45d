/// The wordings a report chooses from. `{…}` is filled in: `{side}`, `{size}`, `{lobe}`, `{zone}`, `{mm}`, and for one
/// or two effusions `{a}`, `{s}`, `{is}`, `{has}`.
struct ReportPhrases {
    /// Without a prior study.
    let present: [String]
    /// By change from the prior study.
    let new: [String]
    let increased: [String]
    let decreased: [String]
    let unchanged: [String]
    let resolved: [String]
    /// The line of the impression for what is present.
    let impression: [String]
    /// A sentence that it is absent.
    let absent: [String]

    /// The wordings for a change; nil: no prior study.
    func sentences(_ change: FindingChange?) -> [String] {
        switch change {
        case nil: present
        case .new: new
        case .increased: increased
        case .decreased: decreased
        case .unchanged: unchanged
        case .resolved: resolved
        }
    }

    /// The wordings of a kind.
    static func of(_ finding: Finding) -> ReportPhrases {
        switch finding.kind {
        case .cardiomegaly: cardiomegaly
        case .effusion: effusion
        case .pneumothorax: pneumothorax
        case .consolidation: consolidation
        case .edema: edema
        case .atelectasis: atelectasis
        case .nodule: nodule
        case .endotrachealTube: endotrachealTube
        case .centralLine: finding.isPeripheral ? peripheralLine : centralLine
        case .pacemaker: pacemaker
        case .sternotomyWires: sternotomyWires
        case .chestTube: chestTube
        }
    }

    /// Words for an extent.
    static func sizes(_ kind: FindingKind, _ extent: FindingExtent) -> [String] {
        switch (kind, extent) {
        case (_, .absent): [""]
        case (.cardiomegaly, .small), (.edema, .small), (.atelectasis, .small): ["mild"]
        case (.cardiomegaly, .large), (.edema, .large), (.atelectasis, .large): ["severe", "marked"]
        case (.consolidation, .small): ["small", "limited"]
        case (.consolidation, .large): ["extensive", "large"]
        case (_, .small): ["small"]
        case (_, .moderate): ["moderate"]
        case (_, .large): ["large"]
        }
    }

    /// Opening phrases where there is a prior study.
    static let comparisons = [
        "Comparison is made with the prior study.", "Compared with the prior radiograph.",
        "Comparison: prior chest radiograph.",
        "The prior examination is available for comparison.",
    ]

    /// What was done, in words that do not count the radiographs: a model would learn to match their number and little else.
    static let technique = [
        "Radiography of the chest.", "Chest radiograph.", "Chest x-ray.", "Radiographic examination of the chest.",
        "EXAM: Chest.",
    ]

    /// Neutral remarks that hold for every phantom.
    static let neutral = [
        "The osseous structures are intact.", "No acute osseous abnormality.",
        "The visualized bony thorax is unremarkable.",
        "The trachea is midline or nearly so.", "Imaged upper abdomen is unremarkable.",
        "No free air below the diaphragm.", "Degenerative changes of the spine are minor.",
        "The soft tissues are unremarkable.",
    ]

    /// Impressions of a study without findings.
    static let normal = noAcuteDisease + ["Normal chest radiograph.", "Normal chest, clear lungs."]

    /// Impressions of a study with nothing but hardware.
    static let noAcuteDisease = [
        "No acute cardiopulmonary process.", "No acute cardiopulmonary abnormality.", "Clear lungs, no acute disease.",
    ]

    /// Remarks where nothing is wrong in the lungs.
    static let clearLungs = [
        "The lungs are clear.", "Both lungs are clear and well expanded.", "The lungs are well inflated and clear.",
        "Lung volumes are normal, and the lungs are clear.",
    ]

    /// Reasons for the examination.
    static let indications = [
        "shortness of breath", "chest pain", "cough and fever", "follow-up", "hypoxia", "\"rule out pneumonia\"",
        "dyspnea, \"worse at night\"", "line placement", "preoperative",
    ]
}
