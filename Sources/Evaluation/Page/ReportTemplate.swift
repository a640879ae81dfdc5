/// The page as a Mustache template over `ReportPage`. Everything but the style sheet and the pictures is escaped.
enum ReportTemplate {
    static let page = head + verdict + results + charts + disagreements + reproduction + foot

    static let head = #"""
        {{% CONTENT_TYPE: SCALARS}}
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>{{recipe}}: {{headline}}</title>
        <style>
        {{{style}}}
        </style>
        </head>
        <body>
        <main>

        """#

    static let foot = #"""
        </main>
        </body>
        </html>

        """#

    private static let verdict = #"""
        <header class="{{verdictStyle}}">
        <p class="eyebrow">Retort report · <bdi>{{recipe}}</bdi></p>
        <h1>{{headline}}</h1>
        <p class="lead">{{cost}}</p>
        {{^empty(tiles)}}<ul class="tiles">
        {{#tiles}}<li><b>{{figure}}</b> <span>{{caption}}</span></li>
        {{/tiles}}</ul>{{/empty(tiles)}}
        \#(certainty)
        </header>
        """#

    /// How sure the verdict is, and its gates.
    static let certainty = #"""
        <p class="certainty">{{certainty}}</p>
        {{#gates}}<p class="gate {{style}}"><b>{{outcome}}</b> <code>{{gate}}</code> <span>found {{found}}, limit {{limit}}</span></p>
        {{/gates}}
        """#

    private static let results = #"""
        <section>
        <h2>Models</h2>
        <p class="note">{{rowCount}} test rows. Accuracy with its 95% Wilson interval; agreement: same label as {{referenceName}}.</p>
        <table class="cards" role="table">
        <thead role="rowgroup"><tr role="row"><th role="columnheader">Model</th><th role="columnheader">Parameters</th><th role="columnheader">Size</th><th role="columnheader">Accuracy</th><th role="columnheader">95% interval</th><th role="columnheader">Macro F1</th><th role="columnheader">Agreement</th><th role="columnheader">p50 latency</th></tr></thead>
        <tbody role="rowgroup">
        {{#models}}<tr role="row" class="{{style}}"><th role="rowheader" scope="row">{{model}}</th><td role="cell" data-label="Parameters">{{parameters}}</td><td role="cell" data-label="Size">{{size}}</td><td role="cell" data-label="Accuracy">{{accuracy}}</td><td role="cell" data-label="95% interval">{{interval}}</td><td role="cell" data-label="Macro F1">{{macroF1}}</td><td role="cell" data-label="Agreement">{{agreement}}</td><td role="cell" data-label="p50 latency">{{latency}}</td></tr>
        {{/models}}
        </tbody>
        </table>
        </section>
        """#

    private static let charts = #"""
        <section>
        <h2>What it costs, what it loses</h2>
        <div class="figures">
        {{#costFigures}}<figure><figcaption>{{caption}}</figcaption>{{{picture}}}</figure>
        {{/costFigures}}
        {{#differencePicture}}<figure><figcaption>Difference in accuracy, same rows</figcaption>{{{picture}}}</figure>
        {{/differencePicture}}
        </div>
        {{#differencePicture}}
        <div class="scroll" tabindex="0" role="region" aria-label="Paired comparisons">
        <table class="cards" role="table">
        <thead role="rowgroup"><tr role="row"><th role="columnheader">Comparison</th><th role="columnheader">Points</th><th role="columnheader">95% interval</th><th role="columnheader">McNemar p</th><th role="columnheader">Rows that flipped</th><th role="columnheader">Agreement</th><th role="columnheader">KL mean · p99</th><th role="columnheader">Detectable</th></tr></thead>
        <tbody role="rowgroup">
        {{#pairs}}<tr role="row"><th role="rowheader" scope="row">{{pair}}</th><td role="cell" data-label="Points">{{difference}}</td><td role="cell" data-label="Interval">{{interval}}</td><td role="cell" data-label="McNemar p">{{p}}</td><td role="cell" data-label="Flips">{{flips}}</td><td role="cell" data-label="Agreement">{{agreement}}</td><td role="cell" data-label="KL · p99">{{divergence}}</td><td role="cell" data-label="Detectable">{{detectable}}</td></tr>
        {{/pairs}}
        </tbody>
        </table>
        </div>
        <p class="note">Points: accuracy of the first minus accuracy of the second, in percentage points, with a paired bootstrap interval of 10,000 resamples. Lost: the second is right and the first wrong. KL divergence in nats. Detectable: the smallest difference, in points, that this test set shows with 80% power.</p>
        {{/differencePicture}}
        </section>
        \#(curves)
        {{#headPicture}}<section>
        <h2>Which attention heads matter</h2>
        <p class="note">The stronger the colour, the more a head matters. Crossed out: removed by pruning, r1 in the first round. ≈0: a score that the texts cannot tell from zero.</p>
        <div class="scroll" tabindex="0" role="region" aria-label="Head importance">{{{picture}}}</div>
        </section>{{/headPicture}}
        {{^empty(slices)}}<section>
        <h2>Where the difference lies</h2>
        <p class="note">Accuracy on parts of the rows, with 95% intervals; the difference is {{subjectName}} minus {{referenceName}} in points. Of many slices one in twenty looks different by chance.</p>
        {{#slices}}<h3>{{column}}</h3>
        <div class="scroll" tabindex="0" role="region" aria-label="Slices by {{column}}">
        <table>
        <thead><tr><th>Slice</th><th>Rows</th><th>{{referenceName}}, %</th><th>{{subjectName}}, %</th><th>Difference</th><th>Rows that flipped</th></tr></thead>
        <tbody>
        {{#rows}}<tr><th scope="row">{{slice}}</th><td>{{rows}}</td><td>{{reference}}</td><td>{{subject}}</td><td>{{difference}}</td><td>{{flips}}</td></tr>
        {{/rows}}
        </tbody>
        </table>
        </div>
        {{/slices}}
        </section>{{/empty(slices)}}
        {{^empty(reliability)}}<section>
        <h2>Is its confidence honest?</h2>
        <p class="note">Each dot is an equal share of the test rows. On the dashed line a model is right as often as it claims; below it, it is too sure of itself.</p>
        <div class="figures small">
        {{#reliability}}<figure><figcaption>{{caption}}</figcaption>{{{picture}}}</figure>
        {{/reliability}}
        </div>
        </section>{{/empty(reliability)}}
        <section>
        <h2>Which classes are confused</h2>
        <p class="note">Rows: the true class. Columns: the label given. Shaded by the share of the true class.</p>
        <div class="figures">
        {{#confusions}}<figure><figcaption>{{title}}</figcaption>
        <div class="scroll" tabindex="0" role="region" aria-label="Confusion matrix of {{title}}">
        {{^empty(rows)}}<table class="confusion">
        <thead><tr><td></td>{{#classNames}}<th scope="col">{{.}}</th>{{/classNames}}</tr></thead>
        <tbody>
        {{#rows}}<tr><th scope="row">{{truth}}</th>{{#cells}}<td class="{{style}}" style="--shade:{{shade}}%">{{count}}</td>{{/cells}}</tr>
        {{/rows}}
        </tbody>
        </table>{{/empty(rows)}}
        {{^empty(confusions)}}<table><thead><tr><th>True class</th><th>Label given</th><th>Rows</th></tr></thead><tbody>
        {{#confusions}}<tr><th scope="row">{{truth}}</th><td>{{prediction}}</td><td>{{count}}</td></tr>{{/confusions}}
        </tbody></table>{{/empty(confusions)}}
        </div></figure>
        {{/confusions}}
        </div>
        <details><summary>Precision, recall and F1 of every class</summary>
        <div class="figures">
        {{#classTables}}<figure><figcaption>{{title}}</figcaption>
        <div class="scroll" tabindex="0" role="region" aria-label="Scores per class of {{title}}">
        <table><thead><tr><th>Class</th><th>Precision</th><th>Recall</th><th>F1</th><th>Rows</th></tr></thead><tbody>
        {{#rows}}<tr><th scope="row">{{className}}</th><td>{{precision}}</td><td>{{recall}}</td><td>{{f1}}</td><td>{{support}}</td></tr>
        {{/rows}}
        </tbody></table></div></figure>
        {{/classTables}}
        </div></details>
        </section>
        """#

    /// A table with rows of `Cell`s, which become cards on a phone.
    ///
    /// - Parameters:
    ///   - name: what screen readers say of it.
    ///   - first: the title of the first column, and the row's value for it.
    static func cells(_ name: String, _ first: (title: String, value: String), columns: String, rows: String) -> String
    {
        #"""
        <div class="scroll" tabindex="0" role="region" aria-label="\#(name)">
        <table class="cards wide" role="table">
        <thead role="rowgroup"><tr role="row"><th role="columnheader">\#(first.title)</th>{{#\#(columns)}}<th role="columnheader">{{.}}</th>{{/\#(columns)}}</tr></thead>
        <tbody role="rowgroup">
        {{#\#(rows)}}<tr role="row" class="{{style}}"><th role="rowheader" scope="row">{{\#(first.value)}}</th>{{#cells}}<td role="cell" data-label="{{label}}">{{value}}</td>{{/cells}}</tr>
        {{/\#(rows)}}
        </tbody>
        </table>
        </div>
        """#
    }

    /// How training went.
    static let curves = #"""
        {{^empty(curves)}}<section>
        <h2>Learning curves</h2>
        <p class="note">Training loss and its terms by optimizer step.</p>
        <div class="figures">
        {{#curves}}<figure><figcaption>{{caption}}</figcaption>{{{picture}}}</figure>
        {{/curves}}
        </div>
        </section>{{/empty(curves)}}
        """#

    private static let disagreements = #"""
        {{^empty(samples)}}<section>
        <h2>Where they disagree most</h2>
        <p class="note">{{subjectName}} and {{referenceName}} give different labels to {{disagreementCount}}; below, the ones furthest apart (KL divergence). All rows: samples.jsonl.</p>
        <ol class="samples">
        {{#samples}}<li>
        <p class="text">{{text}}</p>
        <dl><div><dt>True class</dt><dd>{{truth}}</dd></div><div><dt>{{referenceName}}</dt><dd class="{{referenceStyle}}">{{referenceLabel}}</dd></div><div><dt>{{subjectName}}</dt><dd class="{{subjectStyle}}">{{subjectLabel}}</dd></div><div><dt>Row</dt><dd>{{id}}</dd></div></dl>
        </li>
        {{/samples}}
        </ol>
        </section>{{/empty(samples)}}
        """#

    private static let reproduction = #"""
        <section>
        <h2>The models in detail</h2>
        <div class="scroll" tabindex="0" role="region" aria-label="Models in detail">
        <table>
        <thead><tr><th>Model</th><th>Matthews</th><th>ECE</th><th>NLL</th><th>Heads per layer</th><th>Feed-forward per layer</th><th>Latency p50 · p90 · p99, ms</th><th>Queries</th><th>Threads</th></tr></thead>
        <tbody>
        {{#details}}<tr><th scope="row">{{model}}</th><td>{{matthews}}</td><td>{{ece}}</td><td>{{nll}}</td><td>{{heads}}</td><td>{{feedForward}}</td><td>{{latency}}</td><td>{{queries}}</td><td>{{threads}}</td></tr>
        {{/details}}
        </tbody>
        </table>
        </div>
        </section>

        """# + repetition

    /// What is needed to repeat the run.
    static let repetition = #"""
        {{#repetition}}<section class="reproduction">
        <h2>To repeat it</h2>
        {{^empty(commands)}}<pre>{{#commands}}{{.}}
        {{/commands}}</pre>{{/empty(commands)}}
        <div class="facts">
        {{^empty(data)}}<div><h3>Data</h3><dl>{{#data}}<div><dt>{{name}}</dt><dd>{{value}}</dd></div>{{/data}}</dl></div>{{/empty(data)}}
        {{^empty(environment)}}<div><h3>Machine and versions</h3><dl>{{#environment}}<div><dt>{{name}}</dt><dd>{{value}}</dd></div>{{/environment}}</dl></div>{{/empty(environment)}}
        </div>
        <h3>Model files</h3><dl class="digests">{{#paths}}<div><dt>{{name}}</dt><dd><code>{{value}}</code></dd></div>{{/paths}}</dl>
        {{^empty(digests)}}<h3>SHA-256</h3><dl class="digests">{{#digests}}<div><dt>{{name}}</dt><dd><code>{{value}}</code></dd></div>{{/digests}}</dl>{{/empty(digests)}}
        {{#resolvedRecipe}}<h3>Resolved recipe</h3>
        <pre>{{.}}</pre>{{/resolvedRecipe}}
        </section>{{/repetition}}
        """#
}
