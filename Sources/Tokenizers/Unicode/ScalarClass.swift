/// The class of a Unicode scalar, as far as patterns ask for it: its general category, with three categories divided so that
/// white space, `\w` and `\d` are unions of classes too.
///
/// A set of classes is a bit mask, so that one look-up and one AND decide whether a scalar belongs to it.
enum ScalarClass {
    typealias Mask = UInt64

    /// U+0085, the one control character above ASCII that is white space.
    private static let nextLine: UInt8 = 30
    /// Symbols that are letters to `\w`, such as Ⓐ.
    private static let alphabeticSymbol: UInt8 = 31
    /// The joiners U+200C and U+200D, format characters that belong to words.
    private static let joiner: UInt8 = 32
    /// The control characters that are white space in ASCII.
    private static let blankControl: UInt8 = 33

    static let letter = mask(.uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter)
    static let mark = mask(.nonspacingMark, .spacingMark, .enclosingMark)
    static let number = mask(.decimalNumber, .letterNumber, .otherNumber)
    static let punctuation = mask(
        .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
        .finalPunctuation, .otherPunctuation)
    static let symbol = mask(.mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol) | bit(alphabeticSymbol)
    static let control = mask(.control) | bit(nextLine) | bit(blankControl)
    static let format = mask(.format) | bit(joiner)
    static let blank =
        mask(.spaceSeparator, .lineSeparator, .paragraphSeparator) | bit(nextLine) | bit(blankControl)
    static let word =
        letter | mark | mask(.decimalNumber, .letterNumber, .connectorPunctuation) | bit(alphabeticSymbol)
    static let all: Mask = (1 << 34) - 1

    /// `\w` of the regular expressions that look around added tokens.
    static let wordWithJoiners = word | bit(joiner)

    /// The classes of a property name, such as `L`, `Lu` or `N`; nil for an unknown one.
    static func mask(property: String) -> Mask? {
        switch property {
        case "L", "Letter": letter
        case "M", "Mark": mark
        case "N", "Number": number
        case "P", "Punctuation": punctuation
        case "S", "Symbol": symbol
        case "Z", "Separator": mask(.spaceSeparator, .lineSeparator, .paragraphSeparator)
        case "Lu": mask(.uppercaseLetter)
        case "Ll": mask(.lowercaseLetter)
        case "Lt": mask(.titlecaseLetter)
        case "Lm": mask(.modifierLetter)
        case "Lo": mask(.otherLetter)
        case "Mn": mask(.nonspacingMark)
        case "Mc": mask(.spacingMark)
        case "Me": mask(.enclosingMark)
        case "Nd": mask(.decimalNumber)
        case "Nl": mask(.letterNumber)
        case "No": mask(.otherNumber)
        case "Pc": mask(.connectorPunctuation)
        case "Pd": mask(.dashPunctuation)
        case "Ps": mask(.openPunctuation)
        case "Pe": mask(.closePunctuation)
        case "Pi": mask(.initialPunctuation)
        case "Pf": mask(.finalPunctuation)
        case "Po": mask(.otherPunctuation)
        case "Sm": mask(.mathSymbol)
        case "Sc": mask(.currencySymbol)
        case "Sk": mask(.modifierSymbol)
        case "So": mask(.otherSymbol) | bit(alphabeticSymbol)
        case "Zs": mask(.spaceSeparator)
        case "Zl": mask(.lineSeparator)
        case "Zp": mask(.paragraphSeparator)
        case "Cc": control
        case "Cf": format
        default: nil
        }
    }

    private static func mask(_ categories: Unicode.GeneralCategory...) -> Mask {
        categories.reduce(0) { $0 | bit(index($1)) }
    }

    private static func bit(_ index: UInt8) -> Mask { 1 << Mask(index) }

    private static func index(_ category: Unicode.GeneralCategory) -> UInt8 {
        switch category {
        case .uppercaseLetter: 0
        case .lowercaseLetter: 1
        case .titlecaseLetter: 2
        case .modifierLetter: 3
        case .otherLetter: 4
        case .nonspacingMark: 5
        case .spacingMark: 6
        case .enclosingMark: 7
        case .decimalNumber: 8
        case .letterNumber: 9
        case .otherNumber: 10
        case .connectorPunctuation: 11
        case .dashPunctuation: 12
        case .openPunctuation: 13
        case .closePunctuation: 14
        case .initialPunctuation: 15
        case .finalPunctuation: 16
        case .otherPunctuation: 17
        case .mathSymbol: 18
        case .currencySymbol: 19
        case .modifierSymbol: 20
        case .otherSymbol: 21
        case .spaceSeparator: 22
        case .lineSeparator: 23
        case .paragraphSeparator: 24
        case .control: 25
        case .format: 26
        case .surrogate: 27
        case .privateUse: 28
        case .unassigned: 29
        @unknown default: 29
        }
    }

    /// The classes as bits, for every scalar that any text is likely to hold; the others are asked for one by one.
    private static let table: [UInt8] = (0..<tableSize).map { value in
        Unicode.Scalar(value).map(classify) ?? index(.surrogate)
    }
    private static let tableSize: UInt32 = 0x3_3500

    static func mask(of scalar: Unicode.Scalar) -> Mask {
        scalar.value < tableSize ? bit(table[Int(scalar.value)]) : bit(classify(scalar))
    }

    private static func classify(_ scalar: Unicode.Scalar) -> UInt8 {
        switch scalar.value {
        case 0x09...0x0D: return blankControl
        case 0x85: return nextLine
        case 0x200C, 0x200D: return joiner
        default: break
        }
        let properties = scalar.properties
        // The reference's regular expressions know the scalars of Unicode 16.
        guard let age = properties.age, age.major <= 16 else { return index(.unassigned) }
        let category = properties.generalCategory
        if category == .otherSymbol, properties.isAlphabetic { return alphabeticSymbol }
        return index(category)
    }
}
