// A panel's stage: shows the moment at which the sliders stand. curve.js stands in front.
//
// A moment is one inner step of one snapshot, as the kernel prepares it. Asking for one costs a way
// there and back, and Jupyter's server holds small answers back for up to 40 ms more (Nagle's
// algorithm and delayed acknowledgements); so while nobody moves, what can come next is fetched.
const QUIET_MILLISECONDS = 100; // shorter than a step of Play
const AT_ONCE = 8; // a kernel that is sending more would keep the next key press waiting
const KEPT = 300; // moments, of 30 to 130 kB each

// Notebook 7 has shortcuts of its own for the arrow keys, and asks only the focused element whether
// it may use them; the elements are made anew now and then, so each is marked as it gets the focus.
function keepKeys(event) {
  if (event.target.matches("[role=slider], select, input, button")) {
    event.target.setAttribute("data-lm-suppress-shortcuts", "true");
  }
}

// Names for the handles of sliders and for buttons without words.
function nameControls(explorer) {
  for (const slider of explorer.querySelectorAll(".widget-slider")) {
    const name = slider.querySelector(".widget-label")?.textContent;
    slider.querySelector(".noUi-handle")?.setAttribute("aria-label", name);
  }
  for (const play of explorer.querySelectorAll(".widget-play")) {
    const name = play.previousElementSibling?.textContent ?? "Play";
    const [start, stop] = play.querySelectorAll("button");
    for (const [button, said] of [[start, `${name}, or pause`], [stop, `${name}: stop, back to the first`]]) {
      button?.setAttribute("title", said);
      button?.setAttribute("aria-label", said); // the icon's glyph would be read out instead
    }
  }
}

async function render({ model, el }) {
  const held = (name) => model.widget_manager.get_model(model.get(name).slice("IPY_MODEL_".length));
  const [inner, outer, picture, facts] = await Promise.all(["inner", "outer", "picture", "facts"].map(held));
  const moments = new Map(); // "snapshot/step" → moment
  const asked = new Set(); // what is on its way
  let shown = null;
  let idle = null;

  const draw = accuracyCurve(el, (step) => {
    inner.set("value", step + 1);
    inner.save_changes();
  });
  const key = (snapshot, step) => `${snapshot}/${step}`;
  // Recordings may differ in their lengths: a shorter one waits at its end, and the outer slider
  // stands at the same share of both.
  const place = () => {
    const share = (outer.get("index") ?? 0) / Math.max(1, outer.get("_options_labels").length - 1);
    return {
      snapshot: Math.round(share * (model.get("snapshots") - 1)),
      step: Math.min(inner.get("value"), model.get("steps")) - 1,
    };
  };

  function show() {
    clearTimeout(idle);
    const { snapshot, step } = place();
    shown = moments.get(key(snapshot, step));
    if (!shown) {
      ask([[snapshot, step]]);
      return;
    }
    picture.set("value", shown.png);
    facts.set("value", shown.facts);
    const [steps, measure] = [model.get("steps"), model.get("measure")];
    draw({ series: shown.series, note: shown.note, steps, step, measure });
    tend();
    idle = setTimeout(foresee, QUIET_MILLISECONDS);
  }

  function ask(places) {
    const fresh = places.filter(([snapshot, step]) => {
      const known = key(snapshot, step);
      return !moments.has(known) && !asked.has(known);
    });
    if (!fresh.length) return;
    for (const [snapshot, step] of fresh) asked.add(key(snapshot, step));
    model.send({ showing: model.get("showing"), wanted: fresh });
  }

  // The nearest places on both sliders that are not here yet.
  function foresee() {
    if (asked.size) return;
    const { snapshot, step } = place();
    const near = [];
    for (let other = 0; other < model.get("steps"); other += 1) near.push([snapshot, other]);
    for (let other = 0; other < model.get("snapshots"); other += 1) near.push([other, step]);
    const distance = ([other, at]) => Math.abs(other - snapshot) + Math.abs(at - step);
    near.sort((one, two) => distance(one) - distance(two));
    ask(near.filter(([other, at]) => !moments.has(key(other, at))).slice(0, AT_ONCE));
  }

  function receive(content, buffers) {
    if (content.showing !== model.get("showing")) return; // asked before another choice was made
    content.moments.forEach((moment, number) => {
      const known = key(moment.snapshot, moment.step);
      asked.delete(known);
      moments.set(known, { ...moment, png: buffers[number] });
    });
    for (const known of moments.keys()) {
      if (moments.size <= KEPT) break;
      moments.delete(known); // the oldest first
    }
    const { snapshot, step } = place();
    if (shown !== moments.get(key(snapshot, step))) show();
    else idle = setTimeout(foresee, 0);
  }

  function choose() {
    moments.clear();
    asked.clear();
    show();
  }

  // Only once it is in the page does it have surroundings.
  function tend() {
    if (shown) el.closest(".gtn-panel")?.querySelector("img")?.setAttribute("alt", shown.alt);
    const explorer = el.closest(".gtn-explorer");
    if (!explorer) return;
    explorer.addEventListener("focusin", keepKeys);
    nameControls(explorer);
  }
  const arrival = new ResizeObserver(tend);
  arrival.observe(el);

  const heard = [
    [model, "msg:custom", receive],
    [model, "change:showing", choose],
    [inner, "change:value", show],
    [outer, "change:index", show],
  ];
  for (const [source, event, react] of heard) source.on(event, react);
  show();
  return () => {
    for (const [source, event, react] of heard) source.off(event, react);
    clearTimeout(idle);
    arrival.disconnect();
  };
}
export default { render };
