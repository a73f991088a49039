/* Charts: Chart.js in the page's colours, with values under the pointer and by the arrow keys. */

const charts = new Map(); /* id: {chart, build} */
let isPrinting = false;

/* Those of page.css on paper, which are not in force yet when the print begins. */
const onPaper = { ink: "#000000", paper: "#ffffff", soft: "#444444", rule: "#bbbbbb", train: "#0072b2",
                  validation: "#b34700", third: "#00795a", chance: "#666666" };

function colour(name) {
  if (isPrinting) return onPaper[name];
  return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}

function faint(name, alpha) {
  const hex = colour(name);
  return hex + Math.round(255 * alpha).toString(16).padStart(2, "0");
}

function points(xs, ys) {
  return ys.map((y, i) => ({ x: xs[i], y })).filter((p) => isNumber(p.y));
}

function line(label, data, name, more = {}) {
  return Object.assign({
    label, data, borderColor: colour(name), backgroundColor: colour(name), borderWidth: 2, tension: 0,
    pointRadius: data.length > 60 ? 0 : 2.5, pointHoverRadius: 5, pointHitRadius: 8,
  }, more);
}

/* A vertical line at an x that is worth a mark. */
const markPlugin = {
  id: "mark",
  beforeDatasetsDraw(chart) {
    const mark = chart.options.mark;
    if (!mark || !isNumber(mark.x)) return;
    const { ctx, chartArea: area, scales } = chart, x = scales.x.getPixelForValue(mark.x);
    ctx.save();
    ctx.strokeStyle = colour("third");
    ctx.setLineDash([2, 3]);
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    ctx.moveTo(x, area.top);
    ctx.lineTo(x, area.bottom);
    ctx.stroke();
    ctx.fillStyle = colour("third");
    ctx.font = "600 12px system-ui, sans-serif";
    const isRight = x > (area.left + area.right) / 2;
    ctx.textAlign = isRight ? "right" : "left";
    ctx.textBaseline = "top";
    ctx.fillText(mark.label, x + (isRight ? -5 : 5), area.top + 3);
    ctx.restore();
  },
};

function axis(title, more = {}) {
  return Object.assign({
    type: "linear",
    title: { display: true, text: title, color: colour("soft") },
    grid: { color: colour("rule"), borderColor: colour("soft"), tickColor: colour("rule") },
    ticks: Object.assign({ color: colour("soft"), maxRotation: 0, autoSkipPadding: 12 }, more.ticks),
  }, Object.fromEntries(Object.entries(more).filter(([key]) => key !== "ticks")));
}

/* What all charts share. */
function options(more) {
  return Object.assign({
    responsive: true, maintainAspectRatio: false, animation: false, parsing: false, normalized: true,
    interaction: { mode: "nearest", axis: "x", intersect: false },
  }, more, {
    plugins: Object.assign({
      legend: {
        labels: { color: colour("ink"), usePointStyle: true, pointStyle: "line", boxWidth: 28,
                  filter: (item) => item.text !== "" },
      },
      tooltip: {
        backgroundColor: colour("ink"), titleColor: colour("paper"), bodyColor: colour("paper"),
        padding: 9, displayColors: false, filter: (item) => item.dataset.label !== "",
      },
    }, more.plugins || {}),
  });
}

function tooltip(callbacks) {
  return {
    backgroundColor: colour("ink"), titleColor: colour("paper"), bodyColor: colour("paper"),
    padding: 9, displayColors: false, filter: (item) => item.dataset.label !== "", callbacks,
  };
}

/* Draw a chart, or bring one that is there up to date. build() gives Chart.js's configuration. */
function draw(id, canvas, build) {
  const known = charts.get(id), config = build();
  if (known && known.chart.canvas === canvas) {
    known.build = build;
    refresh(known);
    return;
  }
  if (known) known.chart.destroy();
  config.plugins = [markPlugin];
  charts.set(id, { chart: new Chart(canvas, config), build });
  canvas.addEventListener("keydown", (event) => walk(id, event));
  canvas.addEventListener("blur", () => activate(charts.get(id).chart, []));
}

function refresh(entry) {
  const config = entry.build();
  entry.chart.data = config.data;
  entry.chart.options = config.options;
  entry.chart.update("none");
}

function refreshAll() {
  for (const entry of charts.values()) refresh(entry);
}

/* ---- by keyboard ---- */

function activate(chart, elements) {
  chart.setActiveElements(elements);
  const element = elements.length ? chart.getDatasetMeta(elements[0].datasetIndex).data[elements[0].index] : null;
  chart.tooltip.setActiveElements(elements, element ? { x: element.x, y: element.y } : { x: 0, y: 0 });
  chart.update("none");
}

function shownSets(chart) {
  return chart.data.datasets.map((set, datasetIndex) => ({ set, datasetIndex }))
    .filter(({ set, datasetIndex }) => set.label !== "" && !set.isStraight && chart.isDatasetVisible(datasetIndex));
}

/* Arrow keys go from value to value, Home and End to the first and the last. */
function walk(id, event) {
  const { chart } = charts.get(id), sets = shownSets(chart);
  const xs = [...new Set(sets.flatMap(({ set }) => set.data.map((p) => p.x)))].sort((a, b) => a - b);
  const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
  if (event.key === "Escape") return activate(chart, []);
  if (!(event.key in steps) || xs.length === 0) return;
  event.preventDefault();
  const active = chart.getActiveElements()[0];
  const at = active ? xs.indexOf(chart.data.datasets[active.datasetIndex].data[active.index].x) : -1;
  const to = at < 0 && event.key !== "End" ? 0 : Math.max(0, Math.min(xs.length - 1, at + steps[event.key]));
  const elements = sets.map(({ set, datasetIndex }) => ({ datasetIndex, index: set.data.findIndex((p) => p.x === xs[to]) }))
    .filter((element) => element.index >= 0);
  activate(chart, elements);
  document.getElementById("spoken").textContent =
    [...(chart.tooltip.title || []), ...chart.tooltip.body.flatMap((b) => b.lines)].join(", ");
}

/* ---- colours follow the scheme, and paper is white ---- */

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refreshAll);
matchMedia("print").addEventListener("change", (event) => printed(event.matches));
addEventListener("beforeprint", () => printed(true));
addEventListener("afterprint", () => printed(false));

function printed(is) {
  if (is === isPrinting) return;
  isPrinting = is;
  for (const entry of charts.values()) {
    /* A chart's bitmap keeps its size on paper: there are two of them side by side. */
    if (is) entry.chart.resize(entry.chart.canvas.parentNode.classList.contains("square") ? 300 : 330,
                               entry.chart.canvas.parentNode.classList.contains("square") ? 300 : 212);
    else entry.chart.resize();
    refresh(entry);
  }
}
