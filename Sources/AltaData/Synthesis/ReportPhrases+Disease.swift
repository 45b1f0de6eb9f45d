extension ReportPhrases {
    static let cardiomegaly = ReportPhrases(
        present: [
            "There is {size} cardiomegaly.", "The cardiac silhouette shows {size} enlargement.",
            "The heart is enlarged, {size} in degree.", "{size} enlargement of the heart is seen.",
        ],
        new: [
            "There is new {size} cardiomegaly compared with the prior study.",
            "The heart, normal in size before, now shows {size} enlargement, which is new.",
        ],
        increased: [
            "Cardiomegaly has increased and is now {size}.",
            "The heart is larger than on the prior study, with {size} enlargement now.",
        ],
        decreased: [
            "Cardiomegaly has decreased and is now {size}.",
            "The enlarged heart is smaller than before, with {size} enlargement remaining.",
        ],
        unchanged: [
            "{size} cardiomegaly is unchanged.", "The enlarged cardiac silhouette is stable, {size} in degree.",
        ],
        resolved: ["Cardiomegaly seen previously has resolved."],
        impression: ["{size} cardiomegaly", "{size} cardiac enlargement"],
        absent: [
            "The heart size is normal.", "The cardiac silhouette is within normal limits.", "Heart size is normal.",
            "Cardiac size is not enlarged.",
        ])

    static let effusion = ReportPhrases(
        present: [
            "There {is} {a}{size} {side} pleural effusion{s}.", "{a}{size} {side} pleural effusion{s} {is} present.",
            "A meniscus indicates {a}{size} {side} pleural effusion{s}.",
            "Blunting of the costophrenic angle reflects {a}{size} {side} pleural effusion{s}.",
        ],
        new: [
            "{a}{size} {side} pleural effusion{s} {is} new since the prior study.",
            "Since the prior study, {a}new {size} {side} pleural effusion{s} {has} developed.",
        ],
        increased: [
            "Compared with the prior study, the {side} pleural effusion{s} {has} increased, now {size}.",
            "The {side} pleural effusion{s}, now {size}, {is} larger than before.",
        ],
        decreased: [
            "Compared with the prior study, the {side} pleural effusion{s} {has} decreased, now {size}.",
            "The {side} pleural effusion{s}, now {size}, {is} smaller than before.",
        ],
        unchanged: [
            "{a}{size} {side} pleural effusion{s} {is} unchanged.",
            "The {size} {side} pleural effusion{s} {is} stable from the prior study.",
        ],
        resolved: [
            "The {side} pleural effusion{s} seen previously {has} resolved.",
            "Interval resolution of the {side} pleural effusion{s}.",
        ],
        impression: ["{size} {side} pleural effusion{s}", "{side} pleural effusion{s}, {size}"],
        absent: ["There is no pleural effusion.", "No pleural effusion is seen.", "The costophrenic angles are sharp."])

    static let pneumothorax = ReportPhrases(
        present: [
            "There is a {size} {side} pneumothorax.", "A visible pleural line marks a {size} {side} pneumothorax.",
            "A {size} {side} pneumothorax is present.",
            "Lucency without lung markings along the pleura is a {size} {side} pneumothorax.",
        ],
        new: [
            "A {size} {side} pneumothorax is new since the prior study.", "There is a new {size} {side} pneumothorax.",
        ],
        increased: [
            "The {side} pneumothorax has increased and is now {size}.",
            "Compared with the prior study, the {side} pneumothorax is larger, now {size}.",
        ],
        decreased: [
            "The {side} pneumothorax has decreased and is now {size}.",
            "Compared with the prior study, the {side} pneumothorax is smaller, now {size}.",
        ],
        unchanged: [
            "A {size} {side} pneumothorax is unchanged.", "The {size} {side} pneumothorax is stable.",
        ],
        resolved: [
            "The {side} pneumothorax seen previously has resolved.",
            "The {side} lung has re-expanded, and the pneumothorax has resolved.",
        ],
        impression: ["{size} {side} pneumothorax", "{side} pneumothorax, {size}"],
        absent: ["There is no pneumothorax.", "No pneumothorax is seen.", "No evidence of pneumothorax."])

    static let consolidation = ReportPhrases(
        present: [
            "There is {size} consolidation in the {lobe}.", "{size} airspace opacity in the {lobe} suggests pneumonia.",
            "{size} {lobe} consolidation may represent pneumonia.",
            "A {size} airspace opacity is seen in the {lobe}.",
        ],
        new: [
            "{size} {lobe} consolidation is new since the prior study.",
            "A new {size} airspace opacity has developed in the {lobe}.",
        ],
        increased: [
            "Consolidation in the {lobe} has increased and is now {size}.",
            "The {lobe} airspace opacity has worsened, now {size}.",
        ],
        decreased: [
            "Consolidation in the {lobe} has decreased and is now {size}.",
            "The {lobe} airspace opacity has partly cleared and improved, now {size}.",
        ],
        unchanged: [
            "{size} {lobe} consolidation is unchanged.", "The {size} airspace opacity in the {lobe} is stable.",
        ],
        resolved: [
            "Consolidation in the {lobe} has resolved.", "The {lobe} airspace opacity seen previously has resolved.",
        ],
        impression: ["{size} {lobe} consolidation, likely pneumonia", "{lobe} pneumonia, {size}"],
        absent: ["There is no focal consolidation.", "No focal consolidation is seen.", "No evidence of pneumonia."])

    static let edema = ReportPhrases(
        present: [
            "There is {size} pulmonary edema.",
            "Bilateral perihilar haze and Kerley lines indicate {size} pulmonary edema.",
            "Vascular congestion with {size} pulmonary edema in both lungs.",
            "Findings of {size} pulmonary edema, bilateral and perihilar, are present.",
        ],
        new: ["{size} pulmonary edema is new.", "Bilateral perihilar haze is new, with {size} pulmonary edema."],
        increased: [
            "Pulmonary edema has increased and is now {size}.", "Bilateral pulmonary edema has worsened, now {size}.",
        ],
        decreased: [
            "Pulmonary edema has decreased and is now {size}.", "Bilateral pulmonary edema has improved, now {size}.",
        ],
        unchanged: ["{size} pulmonary edema is unchanged.", "{size} bilateral pulmonary edema is stable."],
        resolved: ["Pulmonary edema has resolved.", "Interval resolution of pulmonary edema."],
        impression: ["{size} pulmonary edema", "pulmonary edema, {size}"],
        absent: [
            "There is no pulmonary edema.", "No pulmonary edema or vascular congestion.",
            "The pulmonary vasculature is normal.",
        ])

    static let atelectasis = ReportPhrases(
        present: [
            "There is {size} {side} basilar atelectasis.", "Linear opacities at the {base} reflect {size} atelectasis.",
            "{size} {side} basilar atelectasis is present.", "{size} plate-like atelectasis is seen at the {base}.",
        ],
        new: [
            "{size} {side} basilar atelectasis is new.",
            "New linear opacities at the {base} reflect {size} atelectasis.",
        ],
        increased: [
            "{side} basilar atelectasis has increased and is now {size}.",
            "Atelectasis at the {base} has worsened, now {size}.",
        ],
        decreased: [
            "{side} basilar atelectasis has decreased and is now {size}.",
            "Atelectasis at the {base} has improved, now {size}.",
        ],
        unchanged: [
            "{size} {side} basilar atelectasis is unchanged.", "{size} atelectasis at the {base} is stable.",
        ],
        resolved: ["{side} basilar atelectasis has resolved."],
        impression: ["{size} {side} basilar atelectasis", "{side} basilar atelectasis, {size}"],
        absent: ["No atelectasis.", "There is no volume loss."])

    static let nodule = ReportPhrases(
        present: [
            "There is a {mm} mm {mass} in the {side} {zone} lung.",
            "A {mm} mm rounded {mass} projects over the {side} {zone} lung.",
            "A {size} {side} {zone} zone {mass} measures {mm} mm.",
        ],
        new: [
            "A {mm} mm {mass} in the {side} {zone} lung is new.",
            "A new {size} {mass}, {mm} mm, is seen in the {side} {zone} lung.",
        ],
        increased: [
            "The {side} {zone} lung {mass} has increased and now measures {mm} mm.",
            "The {mass} in the {side} {zone} lung has grown since the prior study, now {mm} mm.",
        ],
        decreased: [
            "The {side} {zone} lung {mass} has decreased and now measures {mm} mm.",
            "The {mass} in the {side} {zone} lung is smaller than before, now {mm} mm.",
        ],
        unchanged: [
            "A {mm} mm {mass} in the {side} {zone} lung is unchanged.",
            "The {mm} mm {side} {zone} lung {mass} is stable.",
        ],
        resolved: ["The {side} {zone} lung nodule has resolved."],
        impression: ["{size} {side} {zone} lung {mass}", "{side} {zone} lung {mass}, {mm} mm, follow-up CT advised"],
        absent: ["No pulmonary nodule or mass.", "There is no suspicious nodule."])
}
