extension ReportPhrases {
    static let endotrachealTube = device(
        present: [
            "An endotracheal tube terminates above the carina.", "The endotracheal tube tip is in the mid trachea.",
            "An endotracheal tube is in standard position.",
        ],
        new: [
            "A new endotracheal tube terminates above the carina.",
            "The patient has been intubated; the endotracheal tube is new.",
        ],
        unchanged: ["The endotracheal tube is unchanged in position."],
        resolved: [
            "The endotracheal tube has been removed.",
            "The patient has been extubated, and the endotracheal tube was removed.",
        ],
        impression: ["endotracheal tube in place"])

    static let centralLine = device(
        present: [
            "A {side} internal jugular central venous catheter ends in the SVC.",
            "A {side} jugular central line terminates in the lower SVC.",
        ],
        new: [
            "A new {side} internal jugular central venous catheter ends in the SVC.",
            "A {side} jugular central line has been placed and is new.",
        ],
        unchanged: ["The {side} jugular central line is unchanged in position."],
        resolved: ["The {side} jugular central line has been removed."],
        impression: ["{side} central line ending in the SVC"])

    static let peripheralLine = device(
        present: ["A {side} PICC terminates in the SVC.", "The tip of a {side} PICC projects over the lower SVC."],
        new: ["A new {side} PICC terminates in the SVC.", "A {side} PICC has been placed and is new."],
        unchanged: ["The {side} PICC is unchanged in position."],
        resolved: ["The {side} PICC has been removed."],
        impression: ["{side} PICC ending in the SVC"])

    static let pacemaker = device(
        present: [
            "A {side} chest wall pacemaker with leads in the right atrium and right ventricle is present.",
            "A {side}-sided dual-chamber pacemaker is in place.",
        ],
        new: ["A new {side} chest wall pacemaker has been placed.", "A {side}-sided dual-chamber pacemaker is new."],
        unchanged: [
            "The {side} chest wall pacemaker is unchanged.", "A {side}-sided dual-chamber pacemaker is stable.",
        ],
        resolved: ["The {side} chest wall pacemaker has been removed."],
        impression: ["{side} pacemaker in place"])

    static let sternotomyWires = device(
        present: [
            "Median sternotomy wires are intact.", "The patient is status post sternotomy, with intact midline wires.",
        ],
        new: ["Median sternotomy wires are new.", "New midline sternotomy wires after interval surgery."],
        unchanged: ["Median sternotomy wires are unchanged."],
        resolved: ["Sternotomy wires have been removed."],
        impression: ["status post sternotomy"])

    static let chestTube = device(
        present: ["A {side} chest tube is in place.", "A {side} chest tube courses to the apex."],
        new: ["A new {side} chest tube has been placed.", "A {side} chest tube is new, directed to the apex."],
        unchanged: ["The {side} chest tube is unchanged in position."],
        resolved: ["The {side} chest tube has been removed."],
        impression: ["{side} chest tube in place"])

    /// Hardware is there or not; it does not grow.
    private static func device(
        present: [String], new: [String], unchanged: [String], resolved: [String], impression: [String]
    ) -> ReportPhrases {
        ReportPhrases(
            present: present, new: new, increased: unchanged, decreased: unchanged, unchanged: unchanged,
            resolved: resolved, impression: impression, absent: [])
    }
}
