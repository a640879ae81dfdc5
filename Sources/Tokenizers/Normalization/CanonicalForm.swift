import Foundation

/// The Unicode normalization forms (UAX #15) as changes to a text, so that offsets survive them.
///
/// A scalar that a form composes out of several stands for the first of them; scalars that are put into canonical order
/// stand for what was at their new places, as in the reference.
enum CanonicalForm {
    case nfc, nfd, nfkc, nfkd

    /// Nil when the form leaves the text as it is.
    func changes(to text: [UInt8]) -> [ScalarChange]? {
        guard text.contains(where: { $0 >= 0x80 }) else { return nil }
        let string = String(decoding: text, as: UTF8.self)
        guard !normalized(string).utf8.elementsEqual(text) else { return nil }
        let decomposed = decompose(string.unicodeScalars)
        return self == .nfd || self == .nfkd ? decomposed : Self.compose(decomposed)
    }

    /// Foundation composes only what it decomposed: it leaves a final consonant, say, beside the syllable that it belongs to.
    private func normalized(_ text: String) -> String {
        switch self {
        case .nfc: text.decomposedStringWithCanonicalMapping.precomposedStringWithCanonicalMapping
        case .nfd: text.decomposedStringWithCanonicalMapping
        case .nfkc: text.decomposedStringWithCompatibilityMapping.precomposedStringWithCanonicalMapping
        case .nfkd: text.decomposedStringWithCompatibilityMapping
        }
    }

    private func decompose(_ scalars: String.UnicodeScalarView) -> [ScalarChange] {
        let isCanonical = self == .nfc || self == .nfd
        var result: [ScalarChange] = []
        result.reserveCapacity(scalars.count)
        /// Where the scalars begin that are not yet in canonical order.
        var pending = 0
        func sort() {
            guard pending < result.count - 1 else { return }
            let run = result[pending...].enumerated().sorted {
                (Self.combiningClass($0.element.scalar), $0.offset) < (
                    Self.combiningClass($1.element.scalar), $1.offset
                )
            }
            result.replaceSubrange(pending..., with: run.map(\.element))
        }
        for scalar in scalars {
            let parts: [Unicode.Scalar]
            if scalar.value < 0xA0 || !scalar.isOlderThanUnicode10 {
                parts = [scalar]
            } else {
                let text = String(scalar)
                parts = Array(
                    (isCanonical
                        ? text.decomposedStringWithCanonicalMapping : text.decomposedStringWithCompatibilityMapping)
                        .unicodeScalars)
            }
            for (index, part) in parts.enumerated() {
                if Self.combiningClass(part) == 0 {
                    sort()
                    pending = result.count
                }
                result.append(ScalarChange(part, index == 0 ? 0 : 1))
            }
        }
        sort()
        return result
    }

    private static func combiningClass(_ scalar: Unicode.Scalar) -> UInt8 {
        scalar.value < 0x300 || !scalar.isOlderThanUnicode10 ? 0 : scalar.properties.canonicalCombiningClass.rawValue
    }

    /// Canonical composition: each scalar joins the last starter unless one of its own or a higher class is between.
    private static func compose(_ decomposed: [ScalarChange]) -> [ScalarChange] {
        var result: [ScalarChange] = []
        result.reserveCapacity(decomposed.count)
        var starter: Int?
        var lastClass: UInt8?
        for item in decomposed {
            let ownClass = combiningClass(item.scalar)
            if let starter, lastClass == nil || lastClass! < ownClass,
                let composed = composition(result[starter].scalar, item.scalar)
            {
                result[starter].scalar = composed
                result[starter].change += item.change - 1
                continue
            }
            if ownClass == 0 {
                starter = result.count
                lastClass = nil
            } else if starter != nil {
                lastClass = ownClass
            }
            result.append(item)
        }
        return result
    }

    private static func composition(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
        guard second.value >= 0x300 else { return nil }
        var pair = String.UnicodeScalarView()
        pair.append(first)
        pair.append(second)
        let composed = CanonicalForm.nfc.normalized(String(pair)).unicodeScalars
        guard composed.count == 1, let scalar = composed.first, scalar.isOlderThanUnicode10 else { return nil }
        return scalar
    }
}

extension Unicode.Scalar {
    /// Whether the scalar was there in Unicode 9, whose tables of decompositions the reference carries.
    var isOlderThanUnicode10: Bool { properties.age.map { $0.major < 10 } ?? false }
}
