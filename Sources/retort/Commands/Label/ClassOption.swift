import ArgumentParser

/// A class and its spellings as an option has them: `positive=Positive,positive," positive"`.
struct ClassOption: ExpressibleByArgument {
    let name: String
    let spellings: [String]

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "="), equals > argument.startIndex else { return nil }
        name = String(argument[..<equals])
        var spellings = [""]
        var isQuoted = false
        for character in argument[argument.index(after: equals)...] {
            switch character {
            case "\"": isQuoted.toggle()
            case "," where !isQuoted: spellings.append("")
            default: spellings[spellings.count - 1].append(character)
            }
        }
        guard !isQuoted, !spellings.contains("") else { return nil }
        self.spellings = spellings
    }
}
