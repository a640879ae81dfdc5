import Tensors
import Testing

@Suite("The checks of `retort doctor`")
struct KernelCheckTests {
    @Test("name every table of this processor, and pass")
    func everyTable() {
        let checks = KernelCheck.runAll()
        for check in checks { #expect(check.passed, "\(check)") }
        let names = checks.map { "\($0.kernel), \($0.level)" }
        for level in KernelLevel.all { #expect(names.contains("softmax, \(level.testDescription)")) }
        for level in ProductLevel.all {
            #expect(names.contains("\(level.element) product, \(level.name)"))
        }
        for precision in Precision.allCases {
            #expect(names.contains("\(precision.rawValue) linear layer, \(precision.instructions)"))
        }
        #expect(Set(names).count == names.count)
    }
}
