"use strict";
/* Numbers and times as people read them, and elements made without markup: whatever a file's name
   holds is text. */

const minus = "\u2212", dash = "\u2013", none = "\u2014";

function isNumber(x) {
  return typeof x === "number" && Number.isFinite(x);
}

/* As many significant digits, without an exponent where it can be read without. */
function digits(x, n = 4) {
  if (!isNumber(x)) return none;
  if (x === 0) return "0";
  const size = Math.abs(x);
  const text = size >= 1e6 || size < 1e-4 ? x.toExponential(n - 1).replace(/\.?0+e/, "e")
                                          : String(Number(x.toPrecision(n)));
  return text.replace("-", minus).replace("e" + minus, "e-");
}

function percent(x, n = 1) {
  return isNumber(x) ? (100 * x).toFixed(n) + "%" : none;
}

function score(x, task) {
  return task === "classification" ? percent(x) : digits(x, 3);
}

function interval(pair, show) {
  return pair ? show(pair[0]) + " " + dash + " " + show(pair[1]) : "";
}

function count(x) {
  return isNumber(x) ? x.toLocaleString("en") : none;
}

function counted(n, one, many) {
  return count(n) + " " + (n === 1 ? one : many || one + "s");
}

function duration(s) {
  if (!isNumber(s)) return none;
  if (s < 60) return (s < 10 ? s.toFixed(1) : Math.round(s)) + " s";
  const minutes = Math.floor(s / 60), hours = Math.floor(minutes / 60);
  if (hours === 0) return minutes + " min " + Math.round(s % 60) + " s";
  return hours + " h " + minutes % 60 + " min";
}

function time(s) {
  if (!isNumber(s)) return none;
  return new Date(1000 * s).toISOString().replace("T", " ").slice(0, 19) + " UTC";
}

/* An element; children are elements or text. */
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    element.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat())
    if (child !== undefined && child !== null) element.append(child);
  return element;
}

/* A table that can be scrolled by keyboard where it is wider than the page. */
function scrolled(label, table, isTall) {
  return make("div", { class: isTall ? "scroll tall" : "scroll", role: "region", "aria-label": label, tabindex: 0 }, table);
}

function table(caption, heads, rows, options = {}) {
  const words = options.words || [];
  const cell = (name, value, i, extra) =>
    make(name, Object.assign({ class: words.includes(i) ? "words" : null }, extra), value);
  const head = make("tr", {}, heads.map((h, i) => cell("th", h, i, { scope: "col" })));
  const body = rows.map((row, r) => make("tr", { class: options.best === r ? "best" : null },
    row.map((value, i) => i === 0 ? cell("th", value, i, { scope: "row" }) : cell("td", value, i))));
  return make("table", { class: options.class }, caption ? make("caption", {}, caption) : null,
              make("thead", {}, head), make("tbody", {}, body));
}
