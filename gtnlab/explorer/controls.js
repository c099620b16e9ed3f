// What ipywidgets leaves unsaid about the explorer's controls.

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
