import Recipes
import Testing

struct RecipeLossTests {
    @Test("a loss without matching asks the teacher about no layers")
    func nothing() throws {
        let recipe = try TinyRecipe.parse()
        #expect(recipe.loss.recorded.hidden.isEmpty && recipe.loss.recorded.attention.isEmpty)
        #expect(recipe.teacher.targets.source == .recorded)
        #expect(recipe.loss.kl.divergence == .forwardKL && recipe.loss.kl.beta == nil)
    }

    @Test("names each layer that the teacher will be asked about once, hidden states and attention apart")
    func layers() throws {
        let recipe = try TinyRecipe.parse(
            """
            loss:
              kl: {divergence: jsd, beta: 0.25}
              features: {kind: cosine, pairs: [[2, 3], [0, 0], [1, 3]]}
              relations: {student_layer: 2, teacher_layer: 3, heads: 8}
              attention: {weight: 0.5, pairs: [[1, 2], [2, 1], [1, 1]]}
            """, overrides: ["student.heads=4", "teacher.train.heads=4", "teacher.targets.source=live"])
        #expect(recipe.loss.recorded.hidden == [0, 3])
        #expect(recipe.loss.recorded.attention == [1, 2, 3])
        #expect(recipe.loss.features?.kind == .cosine && recipe.loss.kl.beta == 0.25)
        #expect(recipe.loss.relations?.weight == 1 && recipe.teacher.targets.source == .live)
        let again = try Recipe.parse(recipe.resolvedYAML())
        #expect(again == recipe)
    }

    @Test("names the layers that the losses of all training stages ask about, and reads back as it was resolved")
    func stages() throws {
        let recipe = try TinyRecipe.parse(
            """
            loss: {features: {pairs: [[2, 3]]}}
            train:
              stages:
                - epochs: 2
                  learning_rate: 0.001
                  loss: {cross_entropy: 0, kl: {weight: 0}, features: {pairs: [[1, 1]]}}
                - epochs: 3
                - {epochs: 1, loss: {relations: {student_layer: 2, teacher_layer: 2, heads: 2}}}
            """)
        #expect(recipe.recorded.hidden == [1, 3] && recipe.recorded.attention == [2])
        #expect(recipe.train.stages.map(\.epochs) == [2, 3, 1])
        #expect(recipe.train.stages[0].learningRate == 0.001 && recipe.train.stages[1].loss == nil)
        #expect(recipe.train.stages[0].loss?.kl.weight == 0 && recipe.train.stages[2].loss?.kl.weight == 0.5)
        let again = try Recipe.parse(recipe.resolvedYAML())
        #expect(again == recipe && again.resolvedYAML() == recipe.resolvedYAML())
    }
}
