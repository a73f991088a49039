/* The page: render(data) shows a run, and may be called again with newer data of it. */

const sections = [
  ["result", "In short", showFigures], ["curves", "Training", showCurves], ["classes", "Classification", showClasses],
  ["regression", "Regression", showRegression], ["images", "Images", showImages], ["trouble", "Warnings", showTrouble],
  ["methods", "For a methods section", showMethods], ["run", "What was run", showRun],
];
const shown = new Map(); /* section: the data that it was made of */

/* What a section depends on, so that one is touched only when its data are new. */
function dependsOn(id, data) {
  const { run, epochs, steps } = data;
  const parts = {
    result: [run, epochs, data.classification, data.regression], curves: [run.best_epoch, run.chance, run.task, epochs, steps],
    classes: [data.classification, data.class_names], regression: [data.regression], images: [data.images, data.class_names],
    trouble: [data.left_out, data.n_left_out, data.warnings, data.n_warnings], methods: [data.methods], run: [data.config, run, data.class_names],
  };
  return JSON.stringify(parts[id]);
}

function showSection(id, title, show, data) {
  const key = dependsOn(id, data);
  if (shown.get(id) === key) return;
  shown.set(id, key);
  const content = show(data), old = document.getElementById(id);
  if (!content) {
    if (old) old.hidden = true;
    return;
  }
  const section = old || make("section", { id, "aria-labelledby": id + "-title" }, make("h2", { id: id + "-title" }, title), make("div"));
  const nodes = content.nodes || (Array.isArray(content) ? content : [content]);
  const isOpen = [...section.querySelectorAll("details")].map((d) => d.open);
  section.hidden = false;
  section.lastChild.replaceChildren(...nodes);
  if (!old) {
    const order = sections.map(([name]) => name), main = document.getElementById("main");
    const next = [...main.children].find((child) => order.indexOf(child.id) > order.indexOf(id));
    main.insertBefore(section, next || null);
  }
  section.querySelectorAll("details").forEach((d, i) => { if (isOpen[i]) d.open = true; });
  if (content.after) content.after();
}

function showHead(data) {
  const { run, config: c, epochs } = data, state = document.getElementById("state");
  const name = get(c, "network", "name") || "A network", n = get(c, "train", "n_images"), planned = get(c, "training", "epochs");
  const isWhole = get(c, "network", "n_trained_parameters") === get(c, "network", "n_parameters");
  document.title = run.name + " " + dash + " dnnbrain report";
  document.getElementById("title").textContent = run.name;
  state.textContent = run.state;
  state.className = "state " + run.state.split(" ")[0];
  const done = epochs.loss.length;
  let text = name;
  if (c) text += (isWhole ? ", all parameters trained" : ", " + counted(get(c, "network", "n_trained_parameters"), "parameter") + " trained") + (isNumber(n) ? " on " + counted(n, "image") : "");
  if (data.class_names.length) text += " of " + counted(data.class_names.length, "class", "classes");
  text += "; " + (isNumber(planned) && planned !== done ? count(done) + " of " : "") + counted(isNumber(planned) && planned !== done ? planned : done, "epoch") + ".";
  if (run.message) text += " " + run.message[0].toUpperCase() + run.message.slice(1) + ".";
  document.getElementById("summary").textContent = text;
}

function showLinks() {
  const links = sections.filter(([id]) => document.getElementById(id) && !document.getElementById(id).hidden)
    .map(([id, title]) => make("a", { href: "#" + id }, title));
  const nav = document.getElementById("sections");
  if (nav.children.length !== links.length) nav.replaceChildren(...links);
}

function render(data) {
  showHead(data);
  for (const [id, title, show] of sections) showSection(id, title, show, data);
  showLinks();
  const version = get(data.config, "versions", "dnnbrain");
  document.getElementById("footer").textContent = "Written by dnnbrain" + (version ? " " + version : "") + ". Charts by Chart.js, under the MIT licence. This page loads nothing from elsewhere.";
}

/* Newer data come as server-sent events, where a server serves the page. */
function listen(address) {
  const source = new EventSource(address);
  source.addEventListener("message", (event) => render(JSON.parse(event.data)));
}

/* On paper everything is shown that a reader can open. */
addEventListener("beforeprint", () => document.querySelectorAll("details[data-print]").forEach((d) => {
  d.wasOpen = d.open;
  d.open = true;
}));
addEventListener("afterprint", () => document.querySelectorAll("details[data-print]").forEach((d) => { d.open = d.wasOpen; }));

Chart.defaults.font.family = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
render(JSON.parse(document.getElementById("data").textContent));
if (document.body.dataset.events) listen(document.body.dataset.events);
