// The accuracy curve: an SVG whose steps can be clicked, or walked with the arrow keys.
// Shared by the live explorer (stage.js) and by pages without a kernel (static_page.js).

// Colours that stay apart for colour-blind eyes (Okabe and Ito); dashes and marks tell them apart too.
const LINES = {
  "ordered": { colour: "#0072B2", dash: "", mark: "circle" },
  "steps-shuffled": { colour: "#D55E00", dash: "7 4", mark: "square" },
  "images-shuffled": { colour: "#009E73", dash: "2 3", mark: "triangle" },
  "reversed": { colour: "#AA4499", dash: "9 3 2 3", mark: "diamond" },
};
const BOX = { width: 440, height: 270, left: 46, right: 428, top: 14, bottom: 188 };

function svgNode(name, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function markNode(mark, x, y, size, colour) {
  const shape = {
    square: [[-1, -1], [1, -1], [1, 1], [-1, 1]],
    triangle: [[0, -1.2], [1.1, 0.9], [-1.1, 0.9]],
    diamond: [[0, -1.4], [1.4, 0], [0, 1.4], [-1.4, 0]],
  }[mark];
  if (!shape) return svgNode("circle", { cx: x, cy: y, r: size, fill: colour });
  const points = shape.map(([dx, dy]) => `${x + dx * size},${y + dy * size}`).join(" ");
  return svgNode("polygon", { points, fill: colour });
}

// Puts a curve into `host`; `onPick(step)` is told which step (from 0) a person chose.
// Returns `show({ series: [{ order, values, chosen }], steps, step, measure, note })`.
function accuracyCurve(host, onPick) {
  const svg = svgNode("svg", {
    viewBox: `0 0 ${BOX.width} ${BOX.height}`,
    class: "gtn-curve",
    role: "slider",
    tabindex: "0",
    "aria-label": "Accuracy after each inner step. Click a step, or press the arrow keys.",
    "data-lm-suppress-shortcuts": "true",
  });
  host.appendChild(svg);
  let shown = null;

  const pick = (step) => {
    const within = Math.max(0, Math.min(shown.steps - 1, step));
    if (within !== shown.step) onPick(within);
  };
  svg.addEventListener("keydown", (event) => {
    const target = {
      ArrowLeft: shown.step - 1, ArrowDown: shown.step - 1,
      ArrowRight: shown.step + 1, ArrowUp: shown.step + 1,
      Home: 0, End: shown.steps - 1,
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    pick(target);
  });

  const x = (step) => shown.steps < 2
    ? (BOX.left + BOX.right) / 2
    : BOX.left + 10 + (step / (shown.steps - 1)) * (BOX.right - BOX.left - 20);
  const y = (value) => BOX.bottom - value * (BOX.bottom - BOX.top);
  const percent = (value) => `${(100 * value).toFixed(1)} %`;

  function axes(parts) {
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      parts.push(svgNode("line", { x1: BOX.left, x2: BOX.right, y1: y(share), y2: y(share), class: "grid" }));
      parts.push(svgNode("text", { x: BOX.left - 6, y: y(share) + 4, "text-anchor": "end" }, `${100 * share} %`));
    }
    const every = Math.ceil(shown.steps / 16);
    for (let step = 0; step < shown.steps; step += every) {
      parts.push(svgNode("text", { x: x(step), y: BOX.bottom + 17, "text-anchor": "middle" }, step + 1));
    }
    const title = shown.measure ? `inner step (accuracy, ${shown.measure})` : "inner step (accuracy)";
    parts.push(svgNode("text", { x: (BOX.left + BOX.right) / 2, y: BOX.bottom + 35, "text-anchor": "middle" }, title));
    parts.push(svgNode("line", {
      x1: x(shown.step), x2: x(shown.step), y1: BOX.top, y2: BOX.bottom, class: "now",
    }));
  }

  function line(parts, { order, values, chosen }) {
    const { colour, dash, mark } = LINES[order] || LINES.ordered;
    const group = svgNode("g", { opacity: chosen ? 1 : 0.7 });
    const points = values.map((value, step) => `${x(step)},${y(value)}`).join(" ");
    group.appendChild(svgNode("polyline", {
      points, fill: "none", stroke: colour, "stroke-width": chosen ? 2.6 : 1.5, "stroke-dasharray": dash,
    }));
    values.forEach((value, step) => {
      const large = chosen && step === shown.step;
      group.appendChild(markNode(mark, x(step), y(value), large ? 6 : 3, colour));
    });
    parts.push(group);
  }

  function legend(parts) {
    shown.series.forEach(({ order, values, chosen }, place) => {
      const { colour, dash, mark } = LINES[order] || LINES.ordered;
      const left = BOX.left + (place % 2) * 200;
      const top = BOX.bottom + 55 + 18 * Math.floor(place / 2);
      parts.push(svgNode("line", { x1: left, x2: left + 30, y1: top, y2: top, stroke: colour, "stroke-width": chosen ? 2.6 : 1.5, "stroke-dasharray": dash }));
      parts.push(markNode(mark, left + 15, top, 3.5, colour));
      const text = `${order}: ${percent(values[shown.step])}`;
      parts.push(svgNode("text", { x: left + 37, y: top + 4, class: chosen ? "chosen" : "" }, text));
    });
    if (shown.note) parts.push(svgNode("text", { x: BOX.left + 8, y: BOX.top + 14, class: "chosen" }, shown.note));
  }

  // Whole columns take the click, so that a thin mark need not be hit.
  function targets(parts) {
    const width = (BOX.right - BOX.left - 20) / Math.max(1, shown.steps - 1);
    for (let step = 0; step < shown.steps; step += 1) {
      const target = svgNode("rect", {
        x: x(step) - width / 2, y: BOX.top, width, height: BOX.bottom + 22 - BOX.top,
        class: "target", "data-step": step + 1,
      });
      const said = shown.series.map(({ order, values }) => `${order} ${percent(values[step])}`);
      target.appendChild(svgNode("title", {}, [`step ${step + 1}`, ...said].join("\n")));
      target.addEventListener("click", () => pick(step));
      parts.push(target);
    }
  }

  return (next) => {
    shown = { ...next, step: Math.min(next.step, next.steps - 1) };
    const parts = [];
    axes(parts);
    for (const each of shown.series) if (!each.chosen) line(parts, each);
    for (const each of shown.series) if (each.chosen) line(parts, each);
    legend(parts);
    targets(parts);
    svg.replaceChildren(...parts);
    const chosen = shown.series.find((each) => each.chosen);
    svg.setAttribute("aria-valuemin", "1");
    svg.setAttribute("aria-valuemax", String(shown.steps));
    svg.setAttribute("aria-valuenow", String(shown.step + 1));
    svg.setAttribute("aria-valuetext", `step ${shown.step + 1}: ${chosen ? percent(chosen.values[shown.step]) : shown.note}`);
  };
}
