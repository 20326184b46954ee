"use strict";
// Puts the drawing, the passes and the controls together.

const content = JSON.parse(document.getElementById("content").textContent);
const at = (id) => document.getElementById(id);
const passes = new Passes(content);
const folding = new Folding(content);
const drawing = new Drawing(content);
const system = matchMedia("(prefers-color-scheme: dark)");
let now = 0;
let zoom = 1;
let pointed = null; // the node that the tip is about
const LEGIBLE = 0.85;

// --- steps ---------------------------------------------------------------------------------------

function go(i) {
  now = Math.max(0, Math.min(passes.last, i));
  const state = passes.state(now);
  drawing.show(state, (node) => folding.shownAs(node));
  showControls();
  showCard(state);
  showTable(state);
  if (pointed) showTip(pointed);
  if (state.current) {
    drawing.boxes.forEach(({ group }, id) => { group.tabIndex = id === state.current ? 0 : -1; });
    bringIntoView(folding.shownAs(state.current));
  }
}

// Paper can't be stepped through: it gets all that is known at the end.
function showAll() {
  const [none, [width, height]] = [new Set(), drawing.size];
  const state = { ...passes.state(passes.last), current: null, children: none, edges: none };
  drawing.show(state, () => null);
  showTable(state);
  document.body.classList.toggle("wide", width > 1000 && width > 2 * height);
}

function showControls() {
  at("step").value = now;
  const where = stepName();
  at("step").setAttribute("aria-valuetext", where);
  at("count").textContent = `${now} / ${passes.last}`;
  for (const id of ["first", "back"]) at(id).disabled = now === 0;
  for (const id of ["forward", "last"]) at(id).disabled = now === passes.last;
  at("pass").textContent = where;
}

function stepName() {
  if (now === 0) return "Start";
  if (now < passes.turn) return `Forward pass, step ${now} of ${passes.turn - 1}`;
  return `Reverse pass, step ${now - passes.turn + 1} of ${passes.last - passes.turn + 1}`;
}

function showCard({ step }) {
  const node = passes.nodes.get(step.node);
  const [formula, ...details] = {
    start: () => ["The leaves are given", html("p", {},
      "Step on to compute the other nodes one by one, operands first. Then the reverse pass " +
      "takes them newest first, and adds up what their children bring.")],
    forward: () => [`${node.name} = ${node.expression}`, result(node, node.value, "value"),
      ...elements(node.elements), ...picture(node.picture), ...partials(node.id)],
    reverse: () => [`t_${word(node.name)}`, ...terms(step.lines),
      result(node, node.adjoint, "adjoint"), ...elements(node.adjoints), ...picture(node.gradient)],
  }[step.pass]();
  at("formula").replaceChildren(...typeset(formula));
  at("details").replaceChildren(...details);
  const said = formula.replace(/^t_/, "adjoint t of ");
  at("said").textContent = [stepName(), said, at("details").textContent].join(". ");
}

function result(node, text, kind) {
  return html("p", { class: `result ${kind}` }, node.array ? text : `= ${text}`);
}

// The terms of a sum, each as derivatives, as formulas and in numbers.
function terms(lines) {
  return lines.map(([, ...cells], i) => {
    const written = cells.slice(0, 3).filter((cell) => cell !== "").map((cell) => cell.slice(2));
    return html("p", { class: "term" }, ...written.map((cell, k) =>
      html("bdi", {}, i && !k ? "+ " : "= ", ...typeset(cell), " ")));
  });
}

const NUMBERED = /(?<![\p{L}\p{N}])(\p{L}{1,2})(\d+)(?![\p{Lu}\p{Ll}\p{Lo}\p{N}.])/gu;

// Text with what stands behind "t_" as an index, and x1 as x₁.
function typeset(text) {
  const short = (name) => name.replace(NUMBERED, (_, letters, digits) =>
    letters + digits.replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]));
  const parts = text.split(/(?<![\p{L}\p{N}_.])t_(\([^()]*\)|[\p{L}\p{N}_.′'₋…]+)/u);
  return parts.flatMap((part, i) => i % 2 ? ["t", html("sub", {}, short(part))] : [short(part)]);
}

function elements(text) {
  return text ? [html("pre", {}, text)] : [];
}

function partials(id) {
  const lines = passes.partials(id).map((line) => html("li", {}, line));
  if (!lines.length) return [];
  return [html("h3", {}, "Local partial derivatives"), html("ul", {}, ...lines)];
}

function picture(shown) {
  if (!shown) return [];
  const image = html("img", { src: shown.uri, alt: "" });
  const scale = Math.min(3, 280 / shown.width, 180 / shown.height);
  image.width = shown.width * scale;
  image.height = shown.height * scale;
  return [html("figure", {}, image, html("figcaption", {}, shown.caption))];
}

// --- tables --------------------------------------------------------------------------------------

const tableRows = new Map();

function buildTables() {
  const body = at("nodes").tBodies[0];
  for (const node of content.nodes) {
    if (node.kind === "constant" && node.contents === null) continue;
    const name = html("button", { type: "button", class: "link", title: node.full }, node.name);
    name.addEventListener("click", () => select(node.id));
    const cells = ["", "", ""].map((text) => html("td", {}, text));
    cells[0].textContent = node.expression ?? node.kind;
    const row = html("tr", {}, html("th", { scope: "row" }, name), ...cells);
    tableRows.set(node.id, { row, node, value: cells[1], adjoint: cells[2] });
    body.append(row);
  }
  content.steps.forEach((step, i) => {
    const group = html("tbody");
    step.lines.forEach((line, k) => {
      const cells = line.map((cell) => html("td", {}, html("bdi", {}, ...typeset(cell))));
      group.append(html("tr", {}, html("td", {}, k ? "" : String(i + 1)), ...cells));
    });
    at("rows").append(group);
  });
}

function showTable(state) {
  for (const [id, { row, node, value, adjoint }] of tableRows) {
    value.textContent = state.known.has(id) ? node.value : "";
    adjoint.textContent = state.adjoints.get(id)?.text ?? "";
    row.classList.toggle("current", id === state.current);
    row.classList.toggle("child", state.children.has(id));
    if (id === state.current) row.setAttribute("aria-current", "step");
    else row.removeAttribute("aria-current");
  }
  [...at("rows").tBodies].forEach((group, i) => {
    group.classList.toggle("current", passes.turn + i === now);
  });
  for (const row of document.querySelectorAll("tr.current, tbody.current")) {
    const table = row.closest(".scrolled");
    const above = row.offsetTop - table.scrollTop - 32;
    const below = row.offsetTop + row.offsetHeight - table.scrollTop - table.clientHeight;
    table.scrollTop += Math.min(0, above) + Math.max(0, below);
  }
}

// --- the drawing ---------------------------------------------------------------------------------

// As large as there is room for; on opening and folding not so small that nobody can read it.
function fit(smallest = 0) {
  const [width, height] = drawing.size;
  const { clientWidth } = at("canvas");
  setZoom(Math.max(smallest, Math.min(1.3, clientWidth / width, (0.66 * innerHeight) / height)));
}

function setZoom(factor) {
  zoom = Math.max(0.03, Math.min(4, factor));
  drawing.root.style.width = `${drawing.size[0] * zoom}px`;
}

function place() {
  drawing.place(folding.layout());
  setZoom(zoom);
  drawing.squeeze();
  go(now);
}

function bringIntoView(id) {
  const shown = drawing.boxes.get(id)?.group ?? drawing.frames.get(id)?.box;
  if (!shown) return;
  const canvas = at("canvas");
  const [box, view] = [shown.getBoundingClientRect(), canvas.getBoundingClientRect()];
  const by = (low, high, first, last) =>
    Math.max(0, high - last + 30) - Math.max(0, first + 30 - low);
  canvas.scrollBy(by(box.left, box.right, view.left, view.right),
    by(box.top, box.bottom, view.top, view.bottom));
}

function select(id) {
  const step = passes.stepOf(id, now);
  if (step !== undefined) go(step);
}

function toggle(cluster) {
  folding.toggle(cluster);
  hideTip();
  place();
}

// --- what is said of a node that is pointed at ---------------------------------------------------

function showTip(id) {
  const { group, node } = drawing.boxes.get(id);
  const state = passes.state(now);
  const t = state.adjoints.get(id);
  const expression = node.expression === null ? "" : ` = ${node.expression}`;
  at("tip").replaceChildren(
    html("strong", {}, ...typeset(`${node.full}${expression}`)),
    ...(state.known.has(id) ? [html("p", {}, node.value), ...elements(node.elements)] : []),
    ...(t ? [html("p", { class: "adjoint" }, adjointText(node, t))] : []),
    ...(t?.complete ? elements(node.adjoints) : []),
    ...partials(id),
    ...caption("value", state.known.has(id) && node.picture),
    ...caption("adjoint", t?.complete && node.gradient),
  );
  at("tip").hidden = false;
  pointed = id;
  const box = group.getBoundingClientRect();
  const { offsetWidth, offsetHeight } = at("tip");
  const left = Math.min(Math.max(8, box.left), window.innerWidth - offsetWidth - 8);
  const below = box.bottom + 6 + offsetHeight < window.innerHeight;
  at("tip").style.left = `${left}px`;
  at("tip").style.top = `${below ? box.bottom + 6 : Math.max(8, box.top - offsetHeight - 6)}px`;
  group.setAttribute("aria-describedby", "tip");
  for (const { edge, path, label } of drawing.arrows.values()) {
    path.classList.toggle("pointed", edge.target === id);
    label?.classList.toggle("pointed", edge.target === id);
  }
}

function caption(what, shown) {
  return shown ? [html("p", { class: "caption" }, `${what}: ${shown.caption}`)] : [];
}

function hideTip() {
  at("tip").hidden = true;
  pointed = null;
  for (const pointed of drawing.root.querySelectorAll(".pointed")) {
    pointed.classList.remove("pointed");
  }
}

// --- search --------------------------------------------------------------------------------------

let matches = [];
let match = -1;

const plain = (text) => text.normalize("NFKC").toLowerCase();

function search() {
  const wanted = plain(at("search").value.trim());
  matches = wanted
    ? content.nodes.filter(({ full }) => plain(full).includes(wanted)).map(({ id }) => id)
    : [];
  match = -1;
  const found = new Set(matches);
  const folded = new Set(matches.map((id) => folding.shownAs(id)));
  for (const [id, { group }] of drawing.boxes) group.classList.toggle("found", found.has(id));
  for (const [id, { box }] of drawing.frames) box.classList.toggle("found", folded.has(id));
  at("found").textContent = wanted ? `${matches.length || "none"} found` : "";
  if (matches.length) bringIntoView(folding.shownAs(matches[0]));
}

function nextMatch() {
  if (!matches.length) return;
  match = (match + 1) % matches.length;
  const id = matches[match];
  if (folding.shownAs(id) !== id) {
    folding.reveal(id);
    place();
    search();
  }
  at("found").textContent = `${match + 1} of ${matches.length}`;
  bringIntoView(id);
  showTip(id);
}

// --- set up --------------------------------------------------------------------------------------

const KINDS = ["leaf", "parameter", "constant", "operation", "output"];

function buildPage() {
  const shown = content.nodes.length;
  document.title = `${content.title}, step by step`;
  at("title").textContent = document.title;
  const nodes = shown === 1 ? "node" : "nodes";
  at("summary").textContent = `${shown} ${nodes}, forward and reverse pass`;
  at("step").max = passes.last;
  at("forward-part").style.flexGrow = passes.turn - 1;
  at("reverse-part").style.flexGrow = passes.last - passes.turn + 1;
  for (const id of ["fold-all", "unfold-all"]) at(id).hidden = !content.clusters.length;
  const kinds = new Set(content.nodes.map(({ kind }) => kind));
  for (const kind of KINDS.filter((each) => kinds.has(each))) {
    const [width, height] = kind === "output" ? [23, 11] : [28, 16];
    const sample = svg("svg", { viewBox: "-15 -9 30 18", "aria-hidden": "true" },
      svg("g", { class: `node known ${kind}` }, shape(kind, width, height),
        ...(kind === "output" ? [rounded(28, 16, 3, "halo")] : [])));
    at("legend").append(html("li", {}, sample, kind));
  }
  for (const [kind, says] of [["picture", "value, from the smallest to the largest"],
    ["gradient", "adjoint: negative, zero, positive"]]) {
    if (!content.nodes.some((node) => node[kind])) continue;
    at("legend").append(html("li", {}, html("span", { class: `colours ${kind}-colours` }), says));
  }
  at("canvas").append(drawing.root);
  buildTables();
}

function listen() {
  at("first").addEventListener("click", () => go(0));
  at("back").addEventListener("click", () => go(now - 1));
  at("forward").addEventListener("click", () => go(now + 1));
  at("last").addEventListener("click", () => go(passes.last));
  at("step").addEventListener("input", () => go(Number(at("step").value)));
  at("larger").addEventListener("click", () => setZoom(zoom * 1.25));
  at("smaller").addEventListener("click", () => setZoom(zoom / 1.25));
  at("fit").addEventListener("click", () => fit());
  at("fold-all").addEventListener("click", () => { folding.foldAll(); place(); fit(LEGIBLE); });
  at("unfold-all").addEventListener("click", () => { folding.unfoldAll(); place(); fit(LEGIBLE); });
  at("search").addEventListener("input", search);
  at("search-form").addEventListener("submit", (event) => { event.preventDefault(); nextMatch(); });
  at("theme").addEventListener("click", () =>
    setDark(document.documentElement.dataset.theme === "light"));
  system.addEventListener("change", () => setDark(system.matches));
  document.addEventListener("keydown", onKey);
  listenToDrawing();
  window.addEventListener("beforeprint", showAll);
  window.addEventListener("afterprint", () => go(now));
}

function listenToDrawing() {
  const root = at("canvas"); // an SVG element that listens to focus would take it itself
  const nodeOf = (event) => event.target.closest?.(".node")?.dataset.id;
  const act = (event) => {
    const cluster = event.target.closest(".fold")?.dataset.cluster;
    if (cluster) toggle(cluster);
    else if (nodeOf(event)) select(nodeOf(event));
  };
  root.addEventListener("click", act);
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    act(event);
  });
  for (const kind of ["mouseover", "focusin"]) {
    root.addEventListener(kind, (event) => { if (nodeOf(event)) showTip(nodeOf(event)); });
  }
  root.addEventListener("focusout", hideTip);
  root.addEventListener("mouseout", (event) => {
    if (!at("tip").contains(event.relatedTarget)) hideTip();
  });
  at("tip").addEventListener("mouseleave", hideTip);
}

function onKey(event) {
  if (event.key === "Escape") return hideTip();
  const typing = event.target.matches("input");
  if (typing || event.altKey || event.ctrlKey || event.metaKey) return undefined;
  const targets = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: passes.last };
  const within = document.activeElement.closest?.(".node");
  if (event.key in targets) go(targets[event.key]);
  else if (within && ["ArrowUp", "ArrowDown"].includes(event.key)) {
    focusNext(within.dataset.id, event.key === "ArrowUp" ? -1 : 1);
  } else return undefined;
  return event.preventDefault();
}

function focusNext(id, by) {
  const ids = content.nodes.map((node) => node.id);
  const shown = ids.filter((each) => folding.shownAs(each) === each);
  const next = drawing.boxes.get(shown[shown.indexOf(id) + by]);
  if (!next) return;
  for (const { group } of drawing.boxes.values()) group.tabIndex = -1;
  next.group.tabIndex = 0;
  next.group.focus();
}

function setDark(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  at("theme").textContent = dark ? "Light" : "Dark";
}

buildPage();
listen();
setDark(system.matches);
place();
fit(LEGIBLE);
drawing.boxes.values().next().value.group.tabIndex = 0;
