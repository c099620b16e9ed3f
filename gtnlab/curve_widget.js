// The curve as a widget; curve.js stands in front of this file.
const SHOWN = ["series", "steps", "step", "measure", "note"];

// Notebook 7 has shortcuts of its own for the arrow keys, and asks only the focused element whether
// it may use them; the elements are made anew now and then, so each is marked as it gets the focus.
function keepKeys(event) {
  if (event.target.matches("[role=slider], select, input, button")) {
    event.target.setAttribute("data-lm-suppress-shortcuts", "true");
  }
}

// What ipywidgets leaves unsaid: names for the handles of sliders and for buttons without words.
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

function render({ model, el }) {
  const show = accuracyCurve(el, (step) => model.send({ picked: step }));
  const tend = () => {
    el.closest(".gtn-panel")?.querySelector("img")?.setAttribute("alt", model.get("alt"));
    const explorer = el.closest(".gtn-explorer");
    if (!explorer) return;
    explorer.addEventListener("focusin", keepKeys);
    nameControls(explorer);
  };
  const update = () => {
    show(Object.fromEntries(SHOWN.map((name) => [name, model.get(name)])));
    tend();
  };
  for (const name of [...SHOWN, "alt"]) model.on(`change:${name}`, update);
  update();
  // Only once it is in the page does it have surroundings.
  const arrival = new ResizeObserver(tend);
  arrival.observe(el);
  return () => {
    for (const name of [...SHOWN, "alt"]) model.off(`change:${name}`, update);
    arrival.disconnect();
  };
}
export default { render };
