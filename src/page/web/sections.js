/* The sections of the page. Each takes the data, and gives null where it has nothing to show. */

const get = (object, ...path) => path.reduce((o, key) => (o === null || o === undefined ? undefined : o[key]), object);
const isClasses = (data) => data.run.task === "classification";
const scoreName = (data) => (isClasses(data) ? "accuracy" : "r\u00b2");
const last = (list) => (list && list.length ? list[list.length - 1] : undefined);
const nameOf = (data, k) => {
  const name = data.class_names[k] || String(k);
  return data.class_names.indexOf(name) === data.class_names.lastIndexOf(name) ? name : name + " (" + k + ")";
};

/* ---- in short ---- */

function card(title, value, more) {
  return make("div", { class: "card" }, make("dt", {}, title), make("dd", {},
    make("div", { class: "value" }, value), more ? make("div", { class: "more" }, more) : null));
}

function showFigures(data) {
  const { run, epochs } = data, c = data.classification, r = data.regression, cards = [];
  const n = epochs.loss.length, best = run.best_epoch, scores = epochs.score_validation;
  if (c) {
    cards.push(card("Validation accuracy", percent(c.accuracy), [
      make("div", {}, "95% interval " + interval(c.accuracy_interval, percent)),
      make("div", {}, count(c.n_right) + " of " + count(c.n) + (isNumber(run.chance) ? ", chance " + percent(run.chance) : ""))]));
    if (c.roc) cards.push(card("Area under the ROC", digits(c.roc.area, 3), "95% interval " + interval(c.roc.interval, (x) => digits(x, 3))));
    else cards.push(card("Macro F1", digits(c.macro_f1, 3), "balanced accuracy " + percent(c.balanced_accuracy)));
  } else if (r) {
    cards.push(card("Validation r\u00b2", digits(r.r_squared, 3), r.r_squared_interval ? "95% interval " + interval(r.r_squared_interval, (x) => digits(x, 3)) : ""));
    cards.push(card("Root mean squared error", digits(r.rmse, 3), "mean absolute error " + digits(r.mae, 3)));
  } else if (scores.length) {
    cards.push(card("Validation " + scoreName(data), score(last(scores), run.task), "after epoch " + n));
  }
  if (best && scores.length) cards.push(card("Best epoch", count(best), "validation " + scoreName(data) + " " + score(scores[best - 1], run.task)));
  if (epochs.score_train.length) cards.push(card("Training " + scoreName(data), score(last(epochs.score_train), run.task), "after epoch " + n));
  if (n) cards.push(card("Training loss", digits(last(epochs.loss)), epochs.loss_validation.length ? "validation " + digits(last(epochs.loss_validation)) : ""));
  if (isNumber(run.worked_s)) cards.push(card("Time", duration(run.worked_s), counted(n, "epoch")));
  return cards.length ? make("dl", { class: "cards" }, cards) : null;
}

/* ---- curves ---- */

/* A figure whose canvas, and whose numbers when they are open, stay from one rendering to the next. */
function figure(id, title, about, isSquare) {
  const known = document.getElementById(id);
  if (known) return known;
  const canvas = make("canvas", { tabindex: 0, role: "img", "aria-label": title + ". Arrow keys go from value to value; the numbers follow as a table." });
  return make("figure", { id }, make("figcaption", {}, title, about ? make("span", {}, about) : null),
              make("div", { class: isSquare ? "canvas square" : "canvas" }, canvas));
}

function addNumbers(host, makeTable) {
  let details = host.querySelector("details");
  if (!details) {
    details = make("details", {}, make("summary", {}, "Numbers"), make("div"));
    details.addEventListener("toggle", () => details.show());
    host.append(details);
  }
  details.show = () => {
    if (details.open) details.lastChild.replaceChildren(makeTable());
  };
  details.show();
}

function markOf(data) {
  const best = data.run.best_epoch;
  return best ? { x: best, label: "best: " + best } : null;
}

function epochTitle(items) {
  return items.length ? "Epoch " + items[0].parsed.x : "";
}

function epochOptions(data, yTitle, show, more = {}) {
  const n = data.epochs.loss.length;
  return options({
    mark: more.mark,
    interaction: { mode: "x", axis: "x", intersect: false },
    scales: {
      x: axis("epoch", { min: n > 1 ? 1 : 0, max: Math.max(n, 2), ticks: { precision: 0 } }),
      y: axis(yTitle, Object.assign({ ticks: { callback: (v) => show(v) } }, more.y)),
    },
    plugins: { tooltip: tooltip({ title: epochTitle, label: (item) => item.dataset.label + ": " + show(item.parsed.y) }) },
  });
}

const epochNumbers = (data) => data.epochs.loss.map((_, i) => i + 1);

function drawScore(data, canvas) {
  const { epochs, run } = data, xs = epochNumbers(data), show = (x) => score(x, run.task);
  draw("score", canvas, () => {
    const sets = [];
    if (epochs.score_train.length) sets.push(line("training", points(xs, epochs.score_train), "train", { pointStyle: "rect" }));
    if (epochs.score_validation.length) sets.push(line("validation", points(xs, epochs.score_validation), "validation", { pointStyle: "circle", borderDash: [7, 3] }));
    if (isNumber(run.chance)) sets.push(line("chance", [{ x: 0, y: run.chance }, { x: Math.max(xs.length, 2), y: run.chance }], "chance",
                                             { borderDash: [2, 3], pointRadius: 0, pointHitRadius: 0, pointHoverRadius: 0, borderWidth: 1.5, isStraight: true }));
    const y = isClasses(data) ? { suggestedMax: 1, ticks: { callback: (v) => percent(v, 0) } } : { suggestedMin: 0, suggestedMax: 1 };
    const how = epochOptions(data, scoreName(data), show, { mark: get(data, "config", "training", "stopping", "monitor") === "loss" ? null : markOf(data), y });
    how.plugins.tooltip.filter = (item) => !item.dataset.isStraight;
    return { type: "line", data: { datasets: sets }, options: how };
  });
}

function drawLoss(data, canvas) {
  const { epochs } = data, xs = epochNumbers(data);
  draw("loss", canvas, () => {
    const sets = [line("training", points(xs, epochs.loss), "train", { pointStyle: "rect" })];
    if (epochs.loss_validation.length) sets.push(line("validation", points(xs, epochs.loss_validation), "validation", { pointStyle: "circle", borderDash: [7, 3] }));
    return { type: "line", data: { datasets: sets },
             options: epochOptions(data, "loss", digits, { mark: get(data, "config", "training", "stopping", "monitor") === "loss" ? markOf(data) : null }) };
  });
}

function drawRate(data, canvas) {
  const xs = epochNumbers(data), rates = data.epochs.learning_rate.filter((x) => x > 0);
  const isWide = rates.length && Math.max(...rates) / Math.min(...rates) > 30;
  draw("rate", canvas, () => ({
    type: "line",
    data: { datasets: [line("learning rate", points(xs, data.epochs.learning_rate), "third")] },
    options: epochOptions(data, "learning rate", digits, { y: isWide ? { type: "logarithmic" } : { min: 0, suggestedMax: 1.1 * Math.max(...rates, 0) } }),
  }));
}

function drawSteps(data, canvas) {
  const s = data.steps, isGrouped = s.group > 1;
  draw("steps", canvas, () => {
    const thin = { pointRadius: 0, borderWidth: 1 };
    const sets = [];
    if (isGrouped) {
      sets.push(line("", points(s.at, s.low), "train", { pointRadius: 0, borderWidth: 0, pointHitRadius: 0 }));
      sets.push(line("", points(s.at, s.high), "train", { pointRadius: 0, borderWidth: 0, pointHitRadius: 0, fill: "-1", backgroundColor: faint("train", .22) }));
    }
    sets.push(line(isGrouped ? "mean of " + s.group + " steps" : "each step", points(s.at, s.mean), "train", Object.assign(thin, { borderColor: faint("train", .6) })));
    sets.push(line("smoothed", points(s.at, s.smooth), "validation", { pointRadius: 0, borderWidth: 2.5 }));
    const n = last(s.at) || 1;
    return { type: "line", data: { datasets: sets }, options: options({
      interaction: { mode: "index", axis: "x", intersect: false },
      scales: { x: axis("step", { min: 0, max: n, ticks: { precision: 0, callback: (v) => count(v) } }), y: axis("loss", { ticks: { callback: (v) => digits(v) } }) },
      plugins: { tooltip: tooltip({
        title: (items) => (items.length ? (isGrouped ? "Steps to " : "Step ") + count(items[0].parsed.x) : ""),
        label: (item) => item.dataset.label + ": " + digits(item.parsed.y),
        afterBody: (items) => (isGrouped && items.length ? "from " + digits(s.low[items[0].dataIndex]) + " to " + digits(s.high[items[0].dataIndex]) : ""),
      }) },
    }) };
  });
}

/* All epochs, or so many of them that the table can be read, the best one and the last too. */
function epochTable(data) {
  const { epochs: e, run } = data, n = e.loss.length, stride = Math.ceil(n / 1000);
  const columns = [["loss", e.loss, digits], ["validation loss", e.loss_validation, digits],
                   ["training " + scoreName(data), e.score_train, (x) => score(x, run.task)],
                   ["validation " + scoreName(data), e.score_validation, (x) => score(x, run.task)],
                   ["learning rate", e.learning_rate, digits], ["gradient norm", e.gradient_norm, digits],
                   ["parameters trained", new Set(e.n_trained).size > 1 ? e.n_trained : [], count], ["time", e.seconds, duration],
                   ["images/s", e.images_per_second, (x) => digits(x, 3)]].filter(([, list]) => list.length);
  const kept = e.loss.map((_, i) => i).filter((i) => i % stride === 0 || i === n - 1 || i + 1 === run.best_epoch);
  const rows = kept.map((i) => [i + 1 === run.best_epoch ? i + 1 + " (best)" : String(i + 1), ...columns.map(([, list, show]) => show(list[i]))]);
  return scrolled("Numbers of each epoch", table(null, ["epoch", ...columns.map(([head]) => head)], rows,
                                                { best: kept.indexOf((run.best_epoch || 0) - 1) }), true);
}

function stepTable(data) {
  const s = data.steps, stride = Math.ceil(s.at.length / 250), rows = [];
  s.at.forEach((at, i) => {
    if (i % stride === 0 || i === s.at.length - 1) rows.push([count(at), digits(s.mean[i]), digits(s.low[i]), digits(s.high[i]), digits(s.smooth[i])]);
  });
  return scrolled("Losses of the steps", table(null, [s.group > 1 ? "steps to" : "step", "loss", "lowest", "highest", "smoothed"], rows), true);
}

function showCurves(data) {
  const { epochs, steps } = data, list = [], hasEpochs = epochs.loss.length > 0;
  if (epochs.score_train.length || epochs.score_validation.length)
    list.push([figure("figure-score", scoreName(data) === "accuracy" ? "Accuracy" : "Score (r\u00b2)", "after each epoch"), drawScore, epochTable]);
  if (hasEpochs) list.push([figure("figure-loss", "Loss", "mean of each epoch"), drawLoss, epochTable]);
  if (steps.n) list.push([figure("figure-steps", "Loss of each step",
    steps.group > 1 ? count(steps.n) + " steps in groups of " + count(steps.group) + "; the band holds all of them" : null), drawSteps, stepTable]);
  if (epochs.learning_rate.length) list.push([figure("figure-rate", "Learning rate", "at the end of each epoch"), drawRate, epochTable]);
  if (!list.length) return make("p", { class: "note" }, "The first epoch has not ended.");
  return { keep: true, nodes: [make("div", { class: "charts" }, list.map(([f]) => f))], after: () => {
    for (const [f, drawIt, makeTable] of list) {
      drawIt(data, f.querySelector("canvas"));
      addNumbers(f, () => makeTable(data));
    }
  } };
}

/* ---- classes ---- */

function matrixTable(data) {
  const { matrix } = data.classification, heads = [make("span", { class: "unseen" }, "class"), ...matrix.map((_, k) => nameOf(data, k))];
  const element = table(null, heads, matrix.map((row, k) => [nameOf(data, k), ...row.map(() => "")]), { class: "matrix" });
  matrix.forEach((row, k) => {
    const sum = row.reduce((a, b) => a + b, 0), cells = element.tBodies[0].rows[k].cells;
    row.forEach((n, j) => {
      const share = sum ? n / sum : 0, cell = cells[j + 1];
      cell.style.setProperty("--share", share.toFixed(3));
      if (share > .6) cell.classList.add(share > .9 ? "full" : "most");
      cell.replaceChildren(count(n), make("small", {}, sum ? percent(share) : none));
    });
  });
  return scrolled("Confusion matrix", element);
}

function classTable(data) {
  const c = data.classification;
  const withInterval = (value, pair) => make("span", {}, percent(value), " ", make("span", { class: "interval" }, pair ? "(" + interval(pair, percent) + ")" : ""));
  const rows = c.classes.map((s, k) => [nameOf(data, k), count(s.n), withInterval(s.precision, s.precision_interval), withInterval(s.recall, s.recall_interval), digits(s.f1, 3)]);
  return scrolled("Scores of each class", table("With 95% intervals (Wilson)", ["class", "images", "precision", "recall", "F1"], rows), rows.length > 24);
}

function drawRoc(data, canvas) {
  const roc = data.classification.roc;
  draw("roc", canvas, () => ({ type: "line", data: { datasets: [
    line("ROC", roc.points.map(([x, y, threshold]) => ({ x, y, threshold })), "train", { pointRadius: 0, fill: { target: { value: 0 } }, backgroundColor: faint("train", .12) }),
    line("chance", [{ x: 0, y: 0 }, { x: 1, y: 1 }], "chance", { borderDash: [2, 3], borderWidth: 1.5, pointRadius: 0, pointHitRadius: 0, isStraight: true }),
  ] }, options: options({
    interaction: { mode: "nearest", axis: "xy", intersect: false },
    scales: { x: axis("false positive rate", { min: 0, max: 1 }), y: axis("true positive rate", { min: 0, max: 1 }) },
    plugins: { tooltip: Object.assign(tooltip({
      title: (items) => (items.length && isNumber(items[0].raw.threshold) ? "Threshold " + digits(items[0].raw.threshold, 3) : ""),
      label: (item) => ["true positives " + percent(item.parsed.y), "false positives " + percent(item.parsed.x)],
    }), { filter: (item) => !item.dataset.isStraight }) },
  }) }));
}

function rocTable(data) {
  const rows = data.classification.roc.points.map(([x, y, t]) => [isNumber(t) ? digits(t) : "\u221e", percent(x), percent(y)]);
  return scrolled("Points of the ROC", table(null, ["threshold", "false positives", "true positives"], rows), true);
}

function showClasses(data) {
  const c = data.classification;
  if (!c) return null;
  const nodes = [make("p", {}, "Over the ", counted(c.n, "image"), " of the validation set, after the last epoch: accuracy ", percent(c.accuracy), " (95% interval ",
    interval(c.accuracy_interval, percent), "), balanced accuracy ", percent(c.balanced_accuracy), ", macro F1 ", digits(c.macro_f1, 3), ", mean loss ", digits(c.loss), ".")];
  const columns = [], after = [];
  if (c.matrix) columns.push(make("figure", {}, make("figcaption", {}, "Confusion matrix", make("span", {}, "rows: true classes; columns: predicted; images, and their share of the row")), matrixTable(data)));
  else nodes.push(make("p", { class: "note" }, "A confusion matrix of " + count(c.classes.length) + " classes would be too large to read; the most frequent confusions follow."));
  if (c.roc) {
    const f = figure("figure-roc", "Receiver operating characteristic", "of " + nameOf(data, 1) + " against " + nameOf(data, 0) + "; area " + digits(c.roc.area, 3) + " (95% interval " + interval(c.roc.interval, (x) => digits(x, 3)) + ")", true);
    columns.push(f);
    after.push(() => {
      drawRoc(data, f.querySelector("canvas"));
      addNumbers(f, () => rocTable(data));
    });
  }
  nodes.push(make("div", { class: "charts" }, columns), make("h3", {}, "Each class"), classTable(data));
  if (c.classes.length > 2 && c.confusions.length)
    nodes.push(make("h3", {}, "Most frequent confusions"), scrolled("Most frequent confusions",
      table(null, ["true class", "predicted", "images"], c.confusions.slice(0, 10).map(([k, j, n]) => [nameOf(data, k), nameOf(data, j), count(n)]), { words: [0, 1] })));
  return { keep: true, nodes, after: () => after.forEach((f) => f()) };
}

/* ---- regression ---- */

function drawScatter(data, k, canvas) {
  const target = data.regression.targets[k], all = target.points.flatMap(([x, y]) => [x, y]);
  const low = Math.min(...all), high = Math.max(...all), pad = (high - low || 1) * .04;
  draw("scatter-" + k, canvas, () => ({ type: "scatter", data: { datasets: [
    { label: "images", data: target.points.map(([x, y, id]) => ({ x, y, id })), backgroundColor: faint("train", .55), borderColor: colour("train"), borderWidth: 1, pointRadius: 4, pointHoverRadius: 6 },
    Object.assign(line("equal", [{ x: low, y: low }, { x: high, y: high }], "chance", { borderDash: [2, 3], borderWidth: 1.5, pointRadius: 0, pointHitRadius: 0, isStraight: true }), { type: "line" }),
  ] }, options: options({
    interaction: { mode: "nearest", axis: "xy", intersect: false },
    scales: { x: axis("true " + target.name, { min: low - pad, max: high + pad, ticks: { includeBounds: false, callback: (v) => digits(v, 3) } }),
              y: axis("predicted " + target.name, { min: low - pad, max: high + pad, ticks: { includeBounds: false, callback: (v) => digits(v, 3) } }) },
    plugins: { legend: { display: false }, tooltip: Object.assign(tooltip({
      title: (items) => (items.length ? String(items[0].raw.id) : ""),
      label: (item) => ["true " + digits(item.parsed.x), "predicted " + digits(item.parsed.y)],
    }), { filter: (item) => !item.dataset.isStraight }) },
  }) }));
}

function scatterTable(target) {
  return scrolled("Predictions of " + target.name, table(null, ["image", "true", "predicted"], target.points.map(([x, y, id]) => [make("bdi", {}, id), digits(x), digits(y)])), true);
}

function showRegression(data) {
  const r = data.regression;
  if (!r) return null;
  const three = (x) => digits(x, 3), rows = r.targets.map((t) => [t.name, count(t.n), three(t.r_squared), interval(t.r_squared_interval, three), three(t.r), three(t.determination), digits(t.rmse), digits(t.mae)]);
  if (r.targets.length > 1) rows.push(["all, ravelled", count(r.n), three(r.r_squared), interval(r.r_squared_interval, three), three(r.r), three(r.determination), digits(r.rmse), digits(r.mae)]);
  const figures = r.targets.slice(0, 8).map((t, k) => figure("figure-scatter-" + k, "Predicted against true " + t.name, "r\u00b2 = " + three(t.r_squared) + (t.n > t.points.length ? "; " + count(t.points.length) + " of " + counted(t.n, "image") : ""), true));
  return { keep: true, nodes: [
    scrolled("Scores of the regression", table("r\u00b2 is the squared Pearson correlation, with its 95% interval by Fisher's z; R\u00b2 is one less the squared error over the variance, below r\u00b2 where predictions are shifted or scaled.",
      ["target", "values", "r\u00b2", "95% interval", "r", "R\u00b2", "RMSE", "MAE"], rows)),
    make("h3", {}, "Predictions"), make("div", { class: "charts" }, figures),
  ], after: () => figures.forEach((f, k) => {
    drawScatter(data, k, f.querySelector("canvas"));
    addNumbers(f, () => scatterTable(r.targets[k]));
  }) };
}

/* ---- images ---- */

function describeOutputs(data, image) {
  const isRight = image.label === image.predicted;
  const bars = make("ul", { class: "bars" }, image.probabilities.map(([k, p]) => {
    const bar = make("li", {}, make("span", {}, nameOf(data, k)), make("span", {}, percent(p)));
    bar.style.setProperty("--share", p);
    return bar;
  }));
  return make("div", { class: "about " + (isRight ? "right" : "wrong") },
    make("div", {}, make("b", {}, isRight ? "\u2713 right: " : "\u2717 wrong: "), isRight ? nameOf(data, image.label) : "is " + nameOf(data, image.label) + ", taken for " + nameOf(data, image.predicted)),
    bars, make("span", { class: "id" }, make("bdi", {}, image.id), ", loss ", digits(image.loss, 3)));
}

function describeNumbers(data, image) {
  return make("div", { class: "about" }, data.regression.targets.slice(0, image.outputs.length).map((t, k) =>
    make("div", {}, t.name + ": ", make("b", {}, digits(image.outputs[k])), " (true " + digits(image.targets[k]) + ")")),
    make("span", { class: "id" }, make("bdi", {}, image.id)));
}

function imageList(data, images) {
  return make("ul", { class: "images" }, images.map((image) => make("li", {},
    make("div", { class: "picture" }, image.picture
      ? make("img", { src: image.picture, width: image.width, height: image.height, alt: image.id, loading: "eager", decoding: "async" })
      : make("span", {}, "no picture")),
    image.probabilities ? describeOutputs(data, image) : describeNumbers(data, image))));
}

function showImages(data) {
  const i = data.images;
  if (!i || !i.worst.length) return null;
  const about = isClasses(data) ? "By the cross-entropy of the true class; bars are the softmax of the outputs." : "By the squared error, in units of the variance of each target.";
  const nodes = [make("p", { class: "note" }, "Of the validation set, after the last epoch. ", about), make("h3", {}, "Worst"), imageList(data, i.worst)];
  if (i.best.length) nodes.push(make("h3", {}, "Best"), imageList(data, i.best));
  return nodes;
}

/* ---- what went wrong ---- */

function showTrouble(data) {
  if (!data.n_left_out && !data.n_warnings) return null;
  const nodes = [];
  if (data.n_left_out) nodes.push(make("h3", {}, counted(data.n_left_out, "image") + " left out"), scrolled("Images left out",
    table(data.n_left_out > data.left_out.length ? "The first " + count(data.left_out.length) : null, ["image", "set", "reason"], data.left_out.map((l) => [make("bdi", {}, l.id), l.set, make("bdi", {}, l.reason)]), { words: [0, 1, 2] }), data.left_out.length > 12));
  if (data.n_warnings) nodes.push(make("h3", {}, counted(data.n_warnings, "warning")), scrolled("Warnings",
    table(null, ["time", "warning"], data.warnings.map((w) => [time(w.time_s), w.message]), { words: [0, 1], class: "told" }), data.warnings.length > 12));
  return nodes;
}

/* ---- methods ---- */

function showMethods(data) {
  const m = data.methods;
  if (!m) return null;
  const button = make("button", { type: "button" }, "Copy the paragraph");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(m.text);
      button.textContent = "Copied";
    } catch (_) {
      getSelection().selectAllChildren(document.getElementById("paragraph"));
      button.textContent = "Selected: copy it with Ctrl+C";
    }
  });
  return [make("p", { id: "paragraph", class: "prose" }, m.text), make("p", {}, button),
          make("h3", {}, "References"), make("ul", { class: "references" }, m.references.map((r) => make("li", {}, r)))];
}

/* ---- everything that was used ---- */

function leaves(value, place, out) {
  const entries = value && typeof value === "object" ? Object.entries(value) : [];
  const isFlat = Array.isArray(value) && value.every((x) => x === null || typeof x !== "object");
  if (isFlat || !entries.length) out.push([place, Array.isArray(value) ? value.join(", ") || none : value === null ? none : String(value)]);
  else for (const [key, child] of entries) leaves(child, place ? place + "." + key : key, out);
  return out;
}

function fact(list, name, value) {
  if (value !== undefined && value !== null && value !== "") list.push(make("dt", {}, name), make("dd", {}, value));
}

function showRun(data) {
  const c = data.config, run = data.run, list = [];
  const of = (...path) => get(c, ...path);
  fact(list, "Network", of("network", "name") && of("network", "name") + (of("network", "weights", "file") ? ", parameters from " + of("network", "weights", "file") : ", random initial parameters"));
  if (isNumber(of("network", "n_parameters")))
    fact(list, "Trained", count(of("network", "n_trained_parameters")) + " of " + counted(of("network", "n_parameters"), "parameter") + " (" + digits(100 * of("network", "n_trained_parameters") / of("network", "n_parameters"), 2) + "%)");
  fact(list, "Training set", of("train") && counted(of("train", "n_images"), "image") + (of("train", "file") ? ", " + of("train", "file") : ""));
  fact(list, "Validation set", of("validation") && counted(of("validation", "n_images"), "image") + (of("validation", "file") ? ", " + of("validation", "file") : ""));
  if (data.class_names.length) fact(list, "Classes", data.class_names.length <= 30 ? data.class_names.join(", ") : count(data.class_names.length));
  fact(list, "Began", isNumber(run.started_s) ? time(run.started_s) : of("started"));
  if (isNumber(run.ended_s)) fact(list, run.state === "going on" ? "Last heard of" : "Ended", time(run.ended_s));
  fact(list, "Time worked", isNumber(run.worked_s) ? duration(run.worked_s) : null);
  fact(list, "Machine", of("machine") && of("machine", "processor") + ", " + counted(of("machine", "threads"), "thread") + (of("training", "precision") === "bf16" ? ", bfloat16" : ""));
  fact(list, "Software", of("versions") && "dnnbrain " + of("versions", "dnnbrain") + ", " + of("versions", "engine") + ", " + of("versions", "compiler"));
  for (const [name, sum] of [["weights", of("network", "weights", "sha256")], ["training set", of("train", "sha256")], ["validation set", of("validation", "sha256")]])
    if (sum) fact(list, "SHA-256 of " + name, make("code", {}, sum));
  if (!c) return list.length ? make("dl", { class: "facts" }, list) : null;
  const all = make("table", { class: "options" }, make("tbody", {}, leaves(c, "", []).map(([place, value]) => make("tr", {}, make("th", { scope: "row" }, place), make("td", {}, value)))));
  return { keep: false, nodes: [make("dl", { class: "facts" }, list), make("h3", {}, "All options"), make("p", { class: "note" }, "As in config.json."),
                                make("details", { "data-print": "" }, make("summary", {}, "Show them"), all)] };
}
