// The explorer without a kernel: everything it shows is in the page. curve.js stands in front.
function staticExplorer(root, recordings) {
  const node = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const at = { recording: 0, order: "ordered", measure: "", step: 0, snapshot: 0 };
  const sheets = new Map(); // "recording/snapshot" → decoded picture
  root.querySelector("img")?.remove(); // the picture was for readers without scripts
  // Notebook 7 has shortcuts of its own for the arrow keys, unless the focused element says no.
  root.addEventListener("focusin", (event) => event.target.setAttribute("data-lm-suppress-shortcuts", "true"));

  const choices = node("div", { class: "controls" });
  const sliders = node("div");
  const canvas = node("canvas", { role: "img" });
  const facts = node("div", { class: "gtn-facts", "aria-live": "polite" });
  const beside = node("div", {}, facts);
  root.append(choices, sliders, node("div", { class: "view" }, node("div", {}, canvas), beside));
  const curve = accuracyCurve(beside, (step) => go({ step }));

  function choice(title, key, options) {
    const select = node("select", { "aria-label": title });
    for (const [value, text] of options) select.append(node("option", { value }, text));
    select.value = String(at[key]);
    select.addEventListener("change", () => go({ [key]: key === "recording" ? Number(select.value) : select.value }));
    choices.append(node("label", {}, title, select));
  }

  function slider(title, key, said) {
    const input = node("input", { type: "range", min: 0, step: 1, "aria-label": title });
    const output = node("output");
    const button = node("button", { type: "button" });
    let timer = null;
    const stop = () => {
      clearInterval(timer);
      timer = null;
      button.textContent = `Play ${title.toLowerCase()}s`;
    };
    stop();
    button.addEventListener("click", () => {
      if (timer) return stop();
      button.textContent = "Stop";
      if (at[key] >= Number(input.max)) go({ [key]: 0 });
      timer = setInterval(() => (at[key] < Number(input.max) ? go({ [key]: at[key] + 1 }) : stop()), 400);
    });
    input.addEventListener("input", () => go({ [key]: Number(input.value) }));
    const row = node("div", { class: "controls" }, node("label", {}, title, input, output), button);
    sliders.append(row);
    return (max) => {
      row.hidden = max < 1;
      input.max = max;
      input.value = at[key];
      output.textContent = said();
      input.setAttribute("aria-valuetext", said());
    };
  }

  const shown = () => recordings[at.recording];
  if (recordings.length > 1) choice("Recording", "recording", recordings.map((each, place) => [place, each.name]));
  choice("Order", "order", Object.keys(shown().index).map((order) => [order, order]));
  const measures = [...new Set(recordings.flatMap((each) => each.measures))];
  at.measure = measures[0];
  if (measures.length > 1) choice("Measure", "measure", measures.map((each) => [each, each]));
  at.snapshot = shown().outer_step.length - 1;
  const inner = slider("Inner step", "step", () => `${at.step + 1} of ${shown().steps}`);
  const outer = slider("Outer step", "snapshot", () => `${shown().outer_step[at.snapshot]}`);

  async function sheet() {
    const key = `${at.recording}/${at.snapshot}`;
    if (!sheets.has(key)) {
      const picture = new Image();
      picture.src = shown().sheets[at.snapshot];
      await picture.decode();
      sheets.set(key, picture);
    }
    return sheets.get(key);
  }

  function draw(picture) {
    const { batch, targets } = shown(), side = 56, gap = 4, strip = 15, bar = targets ? 14 : 0;
    const soft = targets && Uint8Array.from(atob(targets[at.snapshot]), (each) => each.charCodeAt(0));
    const columns = batch <= 50 ? 10 : 16;
    canvas.width = columns * (side + gap);
    canvas.height = Math.ceil(batch / columns) * (side + gap + strip + bar);
    const pen = canvas.getContext("2d");
    pen.fillStyle = "white";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingEnabled = false;
    pen.fillStyle = "black";
    pen.font = "13px sans-serif";
    pen.textAlign = "center";
    shown().index[at.order][at.step].forEach((place, here) => {
      const left = (here % columns) * (side + gap), top = Math.floor(here / columns) * (side + gap + strip + bar);
      pen.fillText(shown().labels[place % batch], left + side / 2, top + 12);
      pen.drawImage(picture, (place % batch) * 28, Math.floor(place / batch) * 28, 28, 28, left, top + strip, side, side);
      for (let digit = 0; soft && digit < 10; digit += 1) { // its soft labels
        const height = 1 + ((bar - 2) * soft[10 * place + digit]) / 255;
        pen.fillRect(left + digit * 5.6, top + strip + side + bar - height, 4.6, height);
      }
    });
    canvas.dataset.step = at.step + 1;
    canvas.dataset.snapshot = at.snapshot;
  }

  function write() {
    const { accuracy, lr, momentum, outer_step, caption, orders } = shown();
    const own = accuracy[at.order];
    const share = (measure) => `${(100 * own[measure][at.snapshot][at.step]).toFixed(1)} %`;
    const found = own
      ? shown().measures.map((each) => share(each) + (shown().measures.length > 1 ? ` (${each})` : "")).join(", ")
      : `not recorded in this order (recorded: ${orders.join(", ")})`;
    const number = (value) => String(Number(value.toPrecision(3)));
    const lines = [
      `Inner step ${at.step + 1} of ${shown().steps}, teacher after ${outer_step[at.snapshot]} outer steps`,
      `Accuracy after this step: ${found}`,
      `Learning rate ${number(lr[at.snapshot][at.step])}, momentum ${number(momentum[at.snapshot][at.step])}`,
    ].map((text) => node("div", {}, text));
    facts.replaceChildren(...lines, node("small", {}, caption[at.order]));
    const measure = shown().measures.includes(at.measure) ? at.measure : shown().measures[0];
    curve({
      series: Object.entries(accuracy).map(([order, values]) => ({
        order, values: values[measure][at.snapshot], chosen: order === at.order,
      })),
      steps: shown().steps, step: at.step, measure: shown().measures.length > 1 ? measure : "",
      note: own ? "" : `not recorded: ${at.order}`,
    });
    const labels = shown().index[at.order][at.step].map((place) => shown().labels[place % shown().batch]);
    canvas.setAttribute("aria-label", `${shown().batch} generated images of inner step ${at.step + 1} (${shown().name}, ${at.order}, after ${outer_step[at.snapshot]} outer steps), labelled ${labels.join(" ")}`);
  }

  async function go(change) {
    const before = shown();
    Object.assign(at, change);
    at.step = Math.min(at.step, shown().steps - 1);
    if (shown() !== before) {
      const share = at.snapshot / Math.max(1, before.outer_step.length - 1);
      at.snapshot = Math.round(share * (shown().outer_step.length - 1));
    }
    inner(shown().steps - 1);
    outer(shown().outer_step.length - 1);
    write();
    const wanted = `${at.recording}/${at.snapshot}`;
    const picture = await sheet();
    if (wanted === `${at.recording}/${at.snapshot}`) draw(picture);
  }
  go({});
}
