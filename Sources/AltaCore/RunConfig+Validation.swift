extension RunConfig {
    /// Checks that every value is in its range and none is at odds with another; the error names the key.
    ///
    /// `load` has called it; a program that builds a configuration itself calls it too.
    public func validate() throws {
        for key in Self.keys {
            var copy = self
            let json = key.json(self)
            guard key.set(&copy, json) else {
                throw AltaError("\(key.name) is \(json.excerpt)", why: "it must be \(key.expected)")
            }
        }
        try model.validateShape()
        try validateStage()
    }

    /// Keys that a stage has no use for are refused, not ignored.
    private func validateStage() throws {
        guard stage == .pretrain else { return }
        let idle = [
            ("trainable", trainable.rawValue, trainable != .all, "there everything trains but the fixed positions"),
            ("adapter_init", adapterInit.rawValue, adapterInit != .zero, "its model has no adapters"),
            ("absent_views", absentViews.rawValue, absentViews != .each, "its studies have one radiograph"),
        ]
        for (name, value, isUsed, why) in idle where isUsed {
            throw AltaError(
                "\(name) is \(value), which the stage pretrain has no use for", why: why, remedy: "leave it out")
        }
    }
}

extension ModelConfig {
    /// Checks what two or more fields decide together.
    func validateShape() throws {
        try check(imageSize, "image_size", dividedBy: patchSize, "patch_size")
        try check(width, "width", dividedBy: visionHeads, "vision_heads")
        guard stage == .pretrain || textWidth == width else {
            throw AltaError(
                "model.text_width is \(textWidth)",
                why:
                    "in the stage align it must be model.width, which is \(width): the study vector is added to tokens",
                remedy: "leave it out")
        }
        guard stage == .pretrain || antialias else {
            throw AltaError(
                "model.antialias is false", why: "in the stage align the encoder's input is always antialiased",
                remedy: "leave it out")
        }
        try check(textWidth, givenTextWidth == nil ? "width" : "text_width", dividedBy: textHeads, "text_heads")
        try check(decoderWidth, "decoder_width", dividedBy: decoderHeads, "decoder_heads")
        guard maxTokens <= maxPositions else {
            throw AltaError(
                "model.max_tokens is \(maxTokens)",
                why: "it must be at most model.max_positions, which is \(maxPositions)",
                remedy: "lower the first or raise the second")
        }
        guard adapterRatio <= 1024, adapterWidth >= 1 else {
            throw AltaError(
                "model.adapter_ratio is \(adapterRatio)",
                why: "adapters of a model \(width) wide would be \(Double(width) * adapterRatio) wide",
                remedy: "take at least 1 / width; the default is 0.25")
        }
        guard kept >= 1, kept < patches else {
            throw AltaError(
                "model.mask_ratio is \(maskRatio)",
                why: "\(kept) of \(patches) patches would be visible; at least one must be and at least one must not",
                remedy: "take 0.75, or smaller patches")
        }
    }

    private func check(_ size: Int, _ sizeName: String, dividedBy part: Int, _ partName: String) throws {
        guard size % part != 0 else { return }
        let below = size / part * part
        let choices = (below > 0 ? "\(below) or " : "") + "\(below + part)"
        throw AltaError(
            "model.\(sizeName) is \(size)", why: "it must be divisible by model.\(partName), which is \(part)",
            remedy: "take \(choices), or another \(partName)")
    }
}
