"use strict";
// Clusters fold into one box each, and the room that this leaves empty closes.

const GAP = 44; // how wide an empty stripe across the drawing may stay
const MARGIN = 12;

class Folding {
  constructor(content) {
    this.content = content;
    this.folded = new Set();
    this.parents = new Map(content.clusters.map(({ id, parent }) => [id, parent]));
    this.homes = new Map(content.nodes.map(({ id, cluster }) => [id, cluster]));
    this.counts = new Map();
    for (const { cluster } of content.nodes) {
      for (const id of this.around(cluster)) this.counts.set(id, (this.counts.get(id) ?? 0) + 1);
    }
  }

  // A cluster and those that it is in, from the inside out.
  *around(cluster) {
    for (let id = cluster; id; id = this.parents.get(id)) yield id;
  }

  // What stands for a node: the outermost folded cluster that it is in, or itself.
  shownAs(node) {
    return [...this.around(this.homes.get(node))].findLast((id) => this.folded.has(id)) ?? node;
  }

  toggle(cluster) {
    if (!this.folded.delete(cluster)) this.folded.add(cluster);
  }

  foldAll() {
    for (const { id } of this.content.clusters) this.folded.add(id);
  }

  unfoldAll() {
    this.folded.clear();
  }

  reveal(node) {
    for (const id of this.around(this.homes.get(node))) this.folded.delete(id);
  }

  layout() {
    const boxes = new Map(), frames = new Map(), curves = new Map(), labels = new Map();
    for (const { id, box } of this.content.nodes) {
      if (this.shownAs(id) === id) boxes.set(id, box);
    }
    for (const { id, name, parent, frame } of this.content.clusters) {
      if ([...this.around(parent)].some((outer) => this.folded.has(outer))) continue;
      frames.set(id, this.frame(id, name, frame));
    }
    for (const edge of this.content.edges) {
      if (this.isPlain(edge)) {
        curves.set(edge.id, edge.curve);
        if (edge.place) labels.set(edge.id, edge.place);
      }
    }
    this.close(boxes, frames, curves, labels);
    this.redirect(boxes, frames, curves);
    return { boxes, frames, curves, labels, bounds: bounds(boxes, frames, curves, labels) };
  }

  isPlain({ source, target }) {
    return this.shownAs(source) === source && this.shownAs(target) === target;
  }

  frame(id, name, [left, top, right, bottom]) {
    const count = this.counts.get(id) ?? 0;
    const title = 7.4 * name.length + 34;
    if (!this.folded.has(id)) return { left, top, right, bottom, folded: false, count, title };
    const width = Math.min(right - left, Math.max(90, title + 36));
    const height = Math.min(bottom - top, 46);
    const x = (left + right - width) / 2, y = (top + bottom - height) / 2;
    return { left: x, top: y, right: x + width, bottom: y + height, folded: true, count, title };
  }

  // Close empty stripes, first the vertical ones, then the horizontal ones.
  close(boxes, frames, curves, labels) {
    if (!this.folded.size) return;
    const filled = [...boxes.values(), ...labels.values()].map(rectangle);
    for (const frame of frames.values()) {
      if (frame.folded) filled.push([frame.left, frame.top, frame.right, frame.bottom]);
      else filled.push([frame.left, frame.top, frame.left + frame.title + 10, frame.top + 28]);
    }
    const x = closed(filled.map(([left, , right]) => [left, right]));
    const y = closed(filled.map(([, top, , bottom]) => [top, bottom]));
    for (const places of [boxes, labels]) {
      for (const [id, [cx, cy, width, height]] of places) {
        places.set(id, [x(cx), y(cy), width, height]);
      }
    }
    for (const frame of frames.values()) {
      [frame.left, frame.right] = [x(frame.left), x(frame.right)];
      [frame.top, frame.bottom] = [y(frame.top), y(frame.bottom)];
    }
    for (const [id, curve] of curves) curves.set(id, curve.map(([px, py]) => [x(px), y(py)]));
  }

  // Arrows from and to what is folded start and end at the box that stands for it.
  redirect(boxes, frames, curves) {
    const across = ["LR", "RL"].includes(this.content.direction) ? 0 : 1;
    const place = (id) => {
      const frame = frames.get(id);
      return frame ? [frame.left, frame.top, frame.right, frame.bottom] : rectangle(boxes.get(id));
    };
    for (const edge of this.content.edges) {
      const [source, target] = [this.shownAs(edge.source), this.shownAs(edge.target)];
      if (this.isPlain(edge) || source === target) continue;
      curves.set(edge.id, between(place(source), place(target), across));
    }
  }
}

const rectangle = ([x, y, width, height]) =>
  [x - width / 2, y - height / 2, x + width / 2, y + height / 2];

// A function of a coordinate that makes empty stripes narrow and leaves the filled ones alone.
function closed(intervals) {
  intervals.sort((a, b) => a[0] - b[0]);
  const knots = []; // where a coordinate was, and where it goes
  let end = -Infinity, shift = 0;
  for (const [low, high] of intervals) {
    if (low > end) {
      if (knots.length) {
        knots.push([end, end - shift]);
        shift += Math.max(0, low - end - GAP);
      }
      knots.push([low, low - shift]);
    }
    end = Math.max(end, high);
  }
  knots.push([end, end - shift]);
  return (at) => {
    const i = knots.findIndex(([from]) => at <= from);
    if (i === 0) return at - knots[0][0] + knots[0][1];
    if (i < 0) return at - end + knots[knots.length - 1][1];
    const [[a, newA], [b, newB]] = [knots[i - 1], knots[i]];
    return newA + ((at - a) * (newB - newA)) / (b - a);
  };
}

// An arrow from one rectangle to another: a curve of four points, and the tip.
function between(source, target, across) {
  const middle = (box) => [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  const [start, tip] = [middle(source), middle(target)];
  const forward = tip[across] >= start[across];
  start[across] = source[across + (forward ? 2 : 0)];
  tip[across] = target[across + (forward ? 0 : 2)];
  const bend = (point, share) => {
    const bent = [...point];
    bent[across] += share * (tip[across] - start[across]);
    return bent;
  };
  return [start, bend(start, 0.4), bend(tip, -0.4), bend(tip, -0.05), tip];
}

function bounds(boxes, frames, curves, labels) {
  const corners = [...boxes.values(), ...labels.values()].map(rectangle);
  for (const { left, top, right, bottom } of frames.values()) {
    corners.push([left, top, right, bottom]);
  }
  for (const curve of curves.values()) corners.push(...curve.map(([x, y]) => [x, y, x, y]));
  const least = (i) => corners.reduce((low, corner) => Math.min(low, corner[i]), Infinity);
  const most = (i) => corners.reduce((high, corner) => Math.max(high, corner[i]), -Infinity);
  return [least(0) - MARGIN, least(1) - MARGIN, most(2) + MARGIN, most(3) + MARGIN];
}
