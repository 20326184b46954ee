"use strict";
// The graph as SVG. Every text of the graph becomes a text node, never markup.

const SVG = "http://www.w3.org/2000/svg";
const LINE = 17;

function element(namespace, name, attributes, children) {
  const made = document.createElementNS(namespace, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const svg = (name, attributes = {}, ...children) => element(SVG, name, attributes, children);
const html = (name, attributes = {}, ...children) =>
  element("http://www.w3.org/1999/xhtml", name, attributes, children);

class Drawing {
  constructor(content) {
    this.content = content;
    this.boxes = new Map(); // of each node: its group, and the texts and pictures that come and go
    this.arrows = new Map();
    this.frames = new Map();
    const layer = (name) => svg("g", { class: name });
    const layers = ["frames", "arrows", "labels", "nodes", "titles"].map(layer);
    const [frames, arrows, labels, nodes, titles] = layers;
    for (const cluster of content.clusters) this.frame(cluster, frames, titles);
    for (const edge of content.edges) this.arrow(edge, arrows, labels);
    for (const node of content.nodes) nodes.append(this.node(node));
    this.root = svg("svg", { role: "group", "aria-label": "Graph" },
      svg("defs", {}, ...["tip-arrow", "tip-arrow-active"].map((id) => this.marker(id))),
      ...layers);
  }

  marker(id) {
    return svg("marker", { id, viewBox: "0 0 10 10", refX: 9.5, refY: 5, markerWidth: 9,
      markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" },
    svg("path", { d: "M0 1 L10 5 L0 9 z" }));
  }

  node(node) {
    const [, , width, height] = node.box;
    const group = svg("g", { class: `node ${node.kind}`, role: "button", tabindex: -1,
      "data-id": node.id });
    if (node.kind === "output") group.append(rounded(width + 8, height + 8, 5, "halo"));
    group.append(shape(node.kind, width, height));
    let y = 5.5 - height / 2;
    const text = (name, ...parts) => {
      y += LINE;
      const line = svg("text", { class: name, y: y - 4, "data-room": width - 10 }, ...parts);
      group.append(line);
      return line;
    };
    const [title, ...more] = node.head;
    text("title", svg("tspan", { class: "name" }, node.name), title.slice(node.name.length));
    for (const line of more) text("title", line);
    const box = { group, node, adjoint: null };
    if (node.contents !== null) text("value", node.contents);
    if (node.adjoint !== null && !node.gradient) box.adjoint = text("adjoint", node.adjoint);
    this.pictures(box, y + 4);
    this.boxes.set(node.id, box);
    return group;
  }

  pictures(box, top) {
    const shown = ["picture", "gradient"].filter((kind) => box.node[kind]);
    const widths = shown.map((kind) => box.node[kind].width);
    let x = -(widths.reduce((sum, width) => sum + width, 0) + 10 * (shown.length - 1)) / 2;
    for (const kind of shown) {
      const { uri, width, height } = box.node[kind];
      const place = { x, y: top, width, height };
      box.group.append(svg("rect", { class: `${kind}-frame`, ...place }));
      box.group.append(svg("image", { class: kind, href: uri, preserveAspectRatio: "none",
        ...place }));
      x += width + 10;
    }
  }

  arrow(edge, arrows, labels) {
    const path = svg("path", { class: "arrow" });
    arrows.append(path);
    let label = null;
    if (edge.place !== null) {
      const [, , width, height] = edge.place;
      label = svg("g", { class: "partial" }, rounded(width, height, 5, "paper"),
        svg("text", { y: 4, "data-room": width - 4 }, edge.label));
      labels.append(label);
    }
    this.arrows.set(edge.id, { edge, path, label });
  }

  frame(cluster, frames, titles) {
    const box = svg("rect", { class: "frame", rx: 8 });
    const paper = svg("rect", { class: "fold-paper", rx: 6 });
    const title = svg("text", { class: "cluster-title" });
    const button = svg("g", { class: "fold", role: "button", tabindex: 0,
      "data-cluster": cluster.id }, paper, title);
    frames.append(box);
    titles.append(button);
    this.frames.set(cluster.id, { cluster, box, button, paper, title });
  }

  // Put everything where a layout (see folding.js) says.
  place(layout) {
    const [left, top, right, bottom] = layout.bounds;
    this.size = [right - left, bottom - top];
    this.root.setAttribute("viewBox", `${left} ${top} ${right - left} ${bottom - top}`);
    for (const [id, { group }] of this.boxes) put(group, layout.boxes.get(id));
    for (const [id, { path, label }] of this.arrows) {
      const curve = layout.curves.get(id);
      path.classList.toggle("gone", curve === undefined);
      if (curve) path.setAttribute("d", drawn(curve));
      if (label) put(label, layout.labels.get(id));
    }
    for (const [id, frame] of this.frames) this.placeFrame(frame, layout.frames.get(id));
  }

  placeFrame({ cluster, box, button, paper, title }, place) {
    for (const part of [box, button]) {
      part.classList.toggle("gone", place === undefined);
      part.classList.toggle("folded", place !== undefined && place.folded);
    }
    if (!place) return;
    const { left, top, right, bottom, folded, count } = place;
    const [width, height] = [right - left, bottom - top];
    const set = (part, attributes) => {
      for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
    };
    set(box, { x: left, y: top, width, height });
    set(paper, folded ? { x: left, y: top, width, height }
      : { x: left + 5, y: top + 4, width: Math.min(width - 10, place.title), height: 20 });
    set(title, folded ? { x: (left + right) / 2, y: (top + bottom) / 2 + 4.5 }
      : { x: left + 11, y: top + 18.5 });
    title.textContent = `${folded ? "▸" : "▾"} ${cluster.name}${folded ? ` (${count})` : ""}`;
    title.dataset.room = folded ? width - 12 : Math.min(width - 10, place.title) - 10;
    set(button, { "aria-expanded": !folded, "aria-label": `${cluster.name}, ${count} nodes` });
  }

  // Text that turned out wider than the room it was given is squeezed into it.
  squeeze() {
    const texts = [...this.root.querySelectorAll("text[data-room]")];
    const lengths = texts.map((text) => text.getComputedTextLength());
    texts.forEach((text, i) => {
      if (lengths[i] <= Number(text.dataset.room)) return;
      text.setAttribute("textLength", text.dataset.room);
      text.setAttribute("lengthAdjust", "spacingAndGlyphs");
    });
  }

  // Show how far the passes have come; see passes.js for what a state is.
  show(state, shownAs) {
    for (const [id, { group, node, adjoint }] of this.boxes) {
      const t = state.adjoints.get(id);
      group.classList.toggle("known", state.known.has(id));
      group.classList.toggle("current", id === state.current);
      group.classList.toggle("child", state.children.has(id));
      group.classList.toggle("differentiated", t !== undefined && t.complete);
      group.classList.toggle("arriving", t !== undefined && !t.complete);
      if (adjoint) adjoint.textContent = t === undefined ? "" : adjointText(node, t);
      group.setAttribute("aria-label", spoken(node, state));
    }
    for (const { edge, path, label } of this.arrows.values()) {
      const active = state.edges.has(edge.id);
      path.classList.toggle("active", active);
      label?.classList.toggle("active", active);
      if (active) path.parentNode.append(path); // above the others
    }
    for (const [id, { box }] of this.frames) {
      box.classList.toggle("current", shownAs(state.current) === id);
    }
  }
}

// Kinds are told apart by shape, not by colour alone.
function shape(kind, width, height) {
  if (kind !== "parameter") {
    const corner = { leaf: Math.min(height / 2, 26), constant: 0, output: 2 };
    return rounded(width, height, corner[kind] ?? Math.min(9, height / 4), "outline");
  }
  const [x, y, point] = [width / 2, height / 2, Math.min(10, height / 3)];
  const corners = [[-x, 0], [point - x, -y], [x - point, -y]];
  const others = corners.map(([cx, cy]) => [-cx, -cy]);
  return svg("polygon", { class: "outline", points: [...corners, ...others].join(" ") });
}

function rounded(width, height, corner, name) {
  return svg("rect", { class: name, x: -width / 2, y: -height / 2, width, height, rx: corner });
}

function put(group, place) {
  group.classList.toggle("gone", place === undefined);
  if (place) group.setAttribute("transform", `translate(${place[0]} ${place[1]})`);
}

function drawn(curve) {
  const points = curve.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`);
  return `M${points[0]}C${points.slice(1, -1).join(" ")}L${points[points.length - 1]}`;
}

const adjointText = (node, { text }) => (node.array ? `t: ${text}` : `t = ${text}`);

// What a screen reader says of a node.
function spoken(node, state) {
  const t = state.adjoints.get(node.id);
  const expression = node.expression === null ? "" : ` = ${node.expression}`;
  const value = state.known.has(node.id) ? `, value ${node.value}` : ", not yet computed";
  const adjoint = t === undefined ? "" : `, adjoint ${t.text}`;
  return `${node.kind} ${node.full}${expression}${value}${adjoint}`;
}
