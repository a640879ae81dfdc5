/// The page's style sheet.
enum ReportStyle {
    static let sheet = """
        :root {
          color-scheme: light dark;
          --paper: #fcfcfa; --raised: #f3f3ef; --ink: #1b1d21; --muted: #5e636b; --hairline: #dfdfd9;
          --subject: #1f5fa8; --on-subject: #ffffff; --other: #868b93; --reference: #1b1d21;
          --good: #1a6e46; --bad: #b3361d;
          --series0: #b0681a; --series1: #2b7a78; --series2: #7a4fa3; --series3: #8a8f2b;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --paper: #15171a; --raised: #1f2226; --ink: #e7e8ea; --muted: #a0a6ae; --hairline: #34383e;
            --subject: #75aef0; --on-subject: #0d1116; --other: #8a9099; --reference: #e7e8ea;
            --good: #63c394; --bad: #f0866c;
            --series0: #dfa35a; --series1: #62bdb9; --series2: #b893de; --series3: #c3c765;
          }
        }
        * { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; }
        body {
          margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
          font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
          font-variant-numeric: tabular-nums;
        }
        main { max-width: 1144px; margin: 0 auto; padding: 32px 16px 64px; }
        code, pre { font-family: ui-monospace, "SF Mono", "Cascadia Mono", "Liberation Mono", monospace; font-size: .875em; }
        h1, h2, h3, p { margin: 0; }
        h1 { font-size: clamp(1.75rem, 1.3rem + 2vw, 2.5rem); line-height: 1.15; font-weight: 680; letter-spacing: -.015em; }
        h2 { font-size: 1.25rem; font-weight: 650; letter-spacing: -.005em; margin-bottom: 6px; }
        h2 + .figures { margin-top: 14px; }
        h3 { font-size: .9375rem; font-weight: 650; margin: 24px 0 8px; }
        section { margin-top: 48px; padding-top: 20px; border-top: 1px solid var(--hairline); }
        .note, .eyebrow { color: var(--muted); font-size: .875rem; max-width: 76ch; }
        .note { margin-bottom: 16px; }
        .eyebrow { margin-bottom: 8px; }
        .good { color: var(--good); }
        .bad { color: var(--bad); }

        header.passed h1 { color: var(--good); }
        header.failed h1 { color: var(--bad); }
        .lead { font-size: 1.125rem; max-width: 68ch; margin-top: 12px; }
        .tiles {
          list-style: none; margin: 24px 0; padding: 0; display: grid; gap: 16px 32px;
          grid-template-columns: repeat(auto-fit, minmax(150px, 1fr));
        }
        .tiles li { border-top: 2px solid var(--ink); padding-top: 8px; }
        .tiles b { display: block; font-size: 1.875rem; line-height: 1.2; font-weight: 600; letter-spacing: -.02em; white-space: nowrap; }
        .tiles span { color: var(--muted); font-size: .875rem; line-height: 1.35; display: block; }
        .certainty { max-width: 76ch; margin: 12px 0 16px; }
        .scroll + .note, .cards + .note { margin-top: 12px; }
        .gate { font-size: .9375rem; padding: 6px 0; border-top: 1px solid var(--hairline); display: flex; flex-wrap: wrap; gap: 2px 16px; color: inherit; }
        .gate b { width: 5.5em; font-weight: 600; }
        .gate.good b { color: var(--good); }
        .gate.bad b { color: var(--bad); }
        .gate code { min-width: 17em; }
        .gate span { color: var(--muted); }

        table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
        th, td { padding: 7px 0 7px 20px; text-align: right; vertical-align: top; border-bottom: 1px solid var(--hairline); white-space: nowrap; }
        th:first-child, td:first-child { padding-left: 0; text-align: left; }
        thead th { color: var(--muted); font-size: .8125rem; font-weight: 500; vertical-align: bottom; }
        tbody th { font-weight: 500; }
        tr.subject th, tr.subject td { color: var(--subject); font-weight: 650; }
        .scroll { overflow-x: auto; max-width: 100%; }
        .scroll table { font-size: .875rem; }

        .figures { display: grid; gap: 28px 32px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); align-items: start; margin-bottom: 16px; }
        .figures.small { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 20px 16px; }
        figure { margin: 0; min-width: 0; break-inside: avoid; }
        figcaption { font-weight: 600; font-size: .9375rem; margin-bottom: 8px; }
        .figures.small { align-items: end; }
        .figures.small figcaption { font-size: .8125rem; }
        svg { display: block; max-width: 100%; height: auto; overflow: visible; }
        svg text { font-size: 11.5px; fill: var(--ink); }
        svg .note, svg .tiny { fill: var(--muted); font-size: 11px; }
        svg .tiny { font-size: 10.5px; fill: var(--ink); }
        svg .on-subject { fill: var(--on-subject); }
        svg .strong { font-weight: 650; }
        svg .halo { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
        .grid { stroke: var(--hairline); }
        .axis { stroke: var(--muted); }
        .diagonal { stroke: var(--muted); stroke-dasharray: 3 3; }
        .crossed { stroke: var(--bad); stroke-width: 1.8; }
        .fill-subject, svg text.fill-subject { fill: var(--subject); }
        .fill-other { fill: var(--other); }
        svg text.fill-other { fill: var(--muted); }
        .fill-reference, svg text.fill-reference { fill: var(--reference); }
        svg text.fill-subject, svg text.fill-reference { font-weight: 650; }
        .stroke-subject { stroke: var(--subject); stroke-width: 1.6; }
        .stroke-other { stroke: var(--other); stroke-width: 1.6; }
        .stroke-reference { stroke: var(--reference); stroke-width: 1.6; }
        .frontier { stroke: var(--muted); stroke-dasharray: 5 4; }
        .bubble { fill-opacity: .55; stroke: var(--paper); }
        .wide { stroke-width: 2.4; }
        .curve { fill: none; stroke-width: 1.4; stroke-linejoin: round; }
        .total { stroke: var(--ink); stroke-width: 2; }
        .series0 { stroke: var(--series0); } svg .text-series0 { fill: var(--series0); }
        .series1 { stroke: var(--series1); } svg .text-series1 { fill: var(--series1); }
        .series2 { stroke: var(--series2); } svg .text-series2 { fill: var(--series2); }
        .series3 { stroke: var(--series3); } svg .text-series3 { fill: var(--series3); }

        .confusion { width: auto; }
        .confusion td, .confusion th { text-align: right; padding: 8px 12px; border: 1px solid var(--paper); }
        .confusion tbody th, .confusion thead td { text-align: left; padding-left: 0; }
        .confusion thead th { min-width: 84px; }
        .confusion .right { background: color-mix(in srgb, var(--subject) calc(var(--shade) * .4), var(--raised)); }
        .confusion .wrong { background: color-mix(in srgb, var(--bad) calc(var(--shade) * .9), var(--raised)); }
        summary { cursor: pointer; color: var(--muted); font-size: .9375rem; padding: 4px 0; margin-bottom: 12px; }

        .samples { list-style: none; margin: 0; padding: 0; columns: 2 420px; column-gap: 32px; }
        .samples li { break-inside: avoid; padding: 10px 0 12px; border-top: 1px solid var(--hairline); }
        .samples .text { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; font-size: .9375rem; margin-bottom: 6px; }
        .samples dl { display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 0; font-size: .8125rem; }
        dt { color: var(--muted); }
        dd { margin: 0; overflow-wrap: anywhere; unicode-bidi: isolate; }
        .samples dl div { display: flex; gap: 6px; }

        pre { background: var(--raised); padding: 12px 16px; overflow-x: auto; margin: 12px 0; border-radius: 4px; }
        .facts { display: grid; gap: 0 40px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); }
        .facts dl, .digests { margin: 0; font-size: .9375rem; }
        .facts dl div { display: grid; grid-template-columns: minmax(7em, 35%) 1fr; gap: 16px; padding: 5px 0; border-top: 1px solid var(--hairline); }
        .digests div { padding: 5px 0; border-top: 1px solid var(--hairline); }

        @media (max-width: 720px) {
          main { padding-top: 20px; }
          section { margin-top: 36px; }
          .tiles { grid-template-columns: 1fr 1fr; gap: 16px; }
          .gate code { min-width: 0; }
          .cards, .cards tbody, .cards tr, .cards td, .cards tbody th { display: block; }
          .cards thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
          .cards tr { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 6fr); gap: 0 20px; padding: 12px 0; border-bottom: 1px solid var(--hairline); }
          .cards tbody th { grid-column: 1 / -1; padding: 0 0 4px; border: 0; font-weight: 650; white-space: normal; }
          .cards td { display: flex; justify-content: space-between; gap: 8px; padding: 1px 0; border: 0; font-size: .875rem; }
          tr.subject td { font-weight: 500; }
          .cards.wide tr { grid-template-columns: minmax(0, 1fr); }
          .cards td::before { content: attr(data-label); color: var(--muted); font-weight: 400; }
        }
        @media print {
          :root {
            color-scheme: light;
            --paper: #fff; --raised: #f3f3ef; --ink: #000; --muted: #444; --hairline: #ccc; --subject: #1f5fa8;
            --on-subject: #fff; --other: #777; --reference: #000; --good: #1a6e46; --bad: #b3361d;
            --series0: #b0681a; --series1: #2b7a78; --series2: #7a4fa3; --series3: #8a8f2b;
          }
          body { font-size: 10.5pt; }
          main { padding: 0; max-width: none; }
          section { margin-top: 24px; }
          h2, figcaption { break-after: avoid; }
          tr, li, header { break-inside: avoid; }
          .scroll { overflow: visible; }
          .scroll table { font-size: 8pt; }
          .scroll td, .scroll th { padding-left: 10px; white-space: normal; }
          pre { white-space: pre-wrap; }
          * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
        }
        """
}
