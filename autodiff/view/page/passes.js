"use strict";
// The forward and the reverse pass as one list of steps, and what is known after each.

class Passes {
  constructor(content) {
    this.content = content;
    this.nodes = new Map(content.nodes.map((node) => [node.id, node]));
    const computed = content.nodes.filter(({ expression }) => expression !== null);
    this.steps = [
      { pass: "start", node: null },
      ...computed.map(({ id }) => ({ pass: "forward", node: id })),
      ...content.steps.map((step) => ({ pass: "reverse", ...step })),
    ];
    this.turn = 1 + computed.length; // the first step of the reverse pass
    this.last = this.steps.length - 1;
  }

  // The step of a node in the pass that is under way; undefined if it has none.
  stepOf(node, now) {
    const pass = now < this.turn ? "forward" : "reverse";
    const found = this.steps.findIndex((step) => step.pass === pass && step.node === node);
    return found < 0 ? undefined : found;
  }

  // After step i: the nodes whose value is known, the adjoints so far, and what the step looks at.
  state(i) {
    const step = this.steps[i];
    const waiting = new Set(this.steps.slice(i + 1, this.turn).map(({ node }) => node));
    const known = new Set([...this.nodes.keys()].filter((id) => !waiting.has(id)));
    const done = new Set(this.steps.slice(this.turn, i + 1).map(({ node }) => node));
    const adjoints = new Map();
    for (const { node, children, running } of this.content.steps) {
      const arrived = children.filter((child) => done.has(child)).length;
      if (done.has(node)) {
        adjoints.set(node, { text: this.nodes.get(node).adjoint, complete: true });
      } else if (arrived) {
        const sum = running[arrived - 1]; // null of arrays
        const rest = arrived < children.length ? " + …" : "";
        const text = sum === null ? `${arrived} of ${children.length} terms` : `${sum}${rest}`;
        adjoints.set(node, { text, complete: false });
      }
    }
    const children = new Set(step.pass === "reverse" ? step.children : []);
    const looked = step.pass === "reverse"
      ? ({ source, target }) => source === step.node && children.has(target)
      : ({ target }) => target === step.node;
    const edges = new Set(this.content.edges.filter(looked).map(({ id }) => id));
    return { step, current: step.node, known, adjoints, children, edges };
  }

  // The local partials of a node with respect to its operands, as lines of text.
  partials(node) {
    return this.content.edges
      .filter(({ target, partial, number }) => target === node && (partial ?? number) !== null)
      .map(({ source, partial, number }) => {
        const operand = this.nodes.get(source).name;
        const sides = [...new Set([partial, number])].filter((side) => side !== null);
        return [`∂${word(this.nodes.get(node).name)}/∂${word(operand)}`, ...sides].join(" = ");
      });
  }
}

const word = (name) => (/^[\p{L}\p{N}_.′'₋…]+$/u.test(name) ? name : `(${name})`);
