// Draws every <figure data-chart>: its data is the JSON inside it, its colours are the page's.
(() => {
  "use strict";

  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const coarse = window.matchMedia("(pointer: coarse)").matches;
  const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
  const SYMBOLS = ["circle", "square", "diamond", "x", "triangle-up"];

  // Plotly reads a few tags in texts; ours are always plain.
  const plain = (text) =>
    String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  const palette = () => {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    return {
      ink: colour("--ink"), soft: colour("--ink-2"), faint: colour("--ink-3"),
      card: colour("--card"), grid: colour("--chart-grid"), bad: colour("--bad"), warn: colour("--warn"),
      lines: ["--accent", "--chart-2", "--chart-3", "--chart-4", "--chart-5"].map(colour),
      font: getComputedStyle(document.body).fontFamily,
    };
  };

  const faded = (hex, share) =>
    hex + Math.round(share * 255).toString(16).padStart(2, "0");

  const band = (series, colour) => {
    const known = series.x.map((_, i) => i).filter((i) => series.low[i] !== null && series.high[i] !== null);
    if (!known.length) return [];
    const edge = (values, fill) => ({
      x: known.map((i) => series.x[i]), y: known.map((i) => values[i]),
      mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false,
      ...(fill ? { fill: "tonexty", fillcolor: faded(colour, 0.16) } : {}),
    });
    return [edge(series.low, false), edge(series.high, true)];
  };

  const reference = (series, colours) => ({
    x: series.x, y: series.y, name: plain(series.name), mode: "lines", connectgaps: false,
    line: { color: colours.faint, width: 1.5, dash: "dash", shape: "hvh" },
    hovertemplate: "%{y:.4~g}<extra>%{fullData.name}</extra>",
  });

  const line = (series, index, colours) => {
    if (series.role === "reference") return [reference(series, colours)];
    const colour = colours.lines[index % colours.lines.length];
    const interval = (i) =>
      series.low[i] === null ? "" : ` (${series.low[i].toPrecision(3)} to ${series.high[i].toPrecision(3)})`;
    return [
      ...(series.role === "metric" ? band(series, colour) : []),
      {
        x: series.x, y: series.y, name: plain(series.name), mode: "lines+markers", connectgaps: false,
        line: { color: colour, width: series.role === "feature" ? 1.5 : 2.25, dash: DASHES[index % DASHES.length] },
        marker: { color: colour, size: 6, symbol: SYMBOLS[index % SYMBOLS.length] },
        text: series.x.map((_, i) => plain(`${interval(i)}${series.note[i] ? ` · ${series.note[i]}` : ""}`)),
        hovertemplate: "%{y:.4~g}%{text}<extra>%{fullData.name}</extra>",
      },
    ];
  };

  const level = (one, ends, colours) => ({
    x: ends, y: [one.value, one.value], name: plain(one.name), mode: "lines",
    line: { color: one.role === "threshold" ? colours.warn : colours.faint, width: 1.5, dash: "dash" },
    hovertemplate: "%{y:.4~g}<extra>%{fullData.name}</extra>",
  });

  const alerts = (marks, colours) => ({
    x: marks.map((mark) => mark.x), y: marks.map(() => 0.04), yaxis: "y2", name: "Alert raised",
    mode: "markers", marker: { symbol: "triangle-up", size: 12, color: colours.bad, line: { color: colours.card, width: 1.5 } },
    text: marks.map((mark) => plain(mark.text)), hovertemplate: "%{text}<extra>Alert</extra>",
  });

  const layout = (data, colours, boundaries, narrow) => ({
    autosize: true,
    margin: { l: narrow ? 44 : 56, r: 12, t: 26, b: narrow ? 76 : 64 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: colours.font, size: 12, color: colours.soft },
    hovermode: "x unified",
    hoverlabel: { bgcolor: colours.card, bordercolor: colours.grid, font: { color: colours.ink, family: colours.font } },
    dragmode: coarse ? false : "zoom",
    xaxis: {
      type: "date", gridcolor: "rgba(0,0,0,0)", linecolor: colours.grid, ticks: "outside", tickcolor: colours.grid,
      nticks: narrow ? 5 : 12, fixedrange: coarse, hoverformat: "%-d %b %Y",
    },
    yaxis: {
      title: { text: narrow ? "" : plain(data.unit), standoff: 8 }, gridcolor: colours.grid, zeroline: false,
      nticks: 6, fixedrange: true, automargin: true,
      ...(data.logarithmic ? { type: "log", dtick: 1 } : {}),
    },
    yaxis2: { overlaying: "y", range: [0, 1], visible: false, fixedrange: true },
    legend: { orientation: "h", x: 0, y: narrow ? -0.2 : -0.16, yanchor: "top", font: { size: 12 } },
    shapes: boundaries.map((mark) => ({
      type: "line", x0: mark.x, x1: mark.x, yref: "paper", y0: 0, y1: 1,
      line: { color: colours.faint, width: 1, dash: "dot" },
    })),
    annotations: boundaries.map((mark) => ({
      x: mark.x, yref: "paper", y: 1, yanchor: "bottom", xanchor: "left", xshift: -4, showarrow: false,
      text: plain(mark.text), font: { size: 11, color: colours.faint },
    })),
  });

  const draw = (figure) => {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const place = figure.querySelector(".plot");
    const colours = palette();
    const moments = data.series.flatMap((series) => series.x).sort();
    const ends = [moments[0], moments[moments.length - 1]];
    const raised = data.marks.filter((mark) => mark.role === "alert");
    const traces = [
      ...data.series.flatMap((series, index) => line(series, index, colours)),
      ...data.levels.map((one) => level(one, ends, colours)),
      ...(raised.length ? [alerts(raised, colours)] : []),
    ];
    const boundaries = data.marks.filter((mark) => mark.role === "version");
    return window.Plotly.react(
      place, traces, layout(data, colours, boundaries, place.clientWidth < 520),
      { displayModeBar: false, responsive: true, doubleClick: "reset" },
    );
  };

  const drawAll = () => document.querySelectorAll("figure[data-chart]").forEach(draw);
  drawAll();
  dark.addEventListener("change", drawAll);
})();
