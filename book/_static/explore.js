/* Draws the figures of lossmath/explore.py anew as their sliders move. A figure brings its panels along: what they
   show, and their formulas as functions of the symbol that is drawn over and of the sliders. Loaded when the first
   figure comes into view; until then, in print, and without scripts, they are still. */
"use strict";
(() => {
  const decimal = number => (Math.round(number * 1000) / 1000 + 0).toFixed(3).replace("-", "−");

  // Where curves are drawn: just inside the limits, on which a formula may have no value.
  const places = ({ points, xlim: [low, high] }) => Array.from({ length: points + 1 }, (_, n) =>
    low + (high - low) * Math.min(Math.max(n / points, 1e-6), 1 - 1e-6));

  // The height at which a curve passes a horizontal place, or null.
  function meet(curve, mark, inside) {
    const side = at => curve(at)[0] - mark;
    for (let n = inside.length - 1; n > 0; n--) {
      let [low, high] = [inside[n - 1], inside[n]];
      if (!(side(low) * side(high) <= 0)) continue;
      for (let step = 0; step < 50; step++) {
        const middle = (low + high) / 2;
        if (side(low) * side(middle) > 0) low = middle; else high = middle;
      }
      return curve(high)[1];
    }
    return null;
  }

  function draw(panel, picture, values) {
    const frame = picture.querySelector("svg"), { width, height } = frame;
    const [[left, right], [bottom, top]] = [panel.xlim, panel.ylim];
    const spot = ([x, y]) => [(x - left) / (right - left) * width.baseVal.value,
                              (top - y) / (top - bottom) * height.baseVal.value];
    const inside = places(panel), mark = panel.mark && panel.mark(...values);
    const said = [];
    panel.curves.forEach((formula, n) => {
      const curve = at => formula(at, ...values);
      const line = inside.map(at => spot(curve(at)).map(pixel => pixel.toFixed(1)).join(" "));
      frame.querySelectorAll("path")[n].setAttribute("d", "M" + line.join("L"));
      const y = panel.mark && meet(curve, mark, inside);
      const dot = y === null ? [-9, -9] : spot([mark, y]);
      const circle = frame.querySelectorAll("circle")[n];
      circle.setAttribute("cx", dot[0].toFixed(1));
      circle.setAttribute("cy", dot[1].toFixed(1));
      if (y !== null) said.push(`${panel.names[n]} ${decimal(y)}`);
    });
    return said.length ? `${panel.title} at ${panel.xlabel} = ${decimal(mark)}: ${said.join(", ")}` : "";
  }

  for (const figure of document.querySelectorAll("figure.explore")) {
    const sliders = [...figure.querySelectorAll("input")];
    const pictures = figure.querySelectorAll(".panels > svg");
    const redraw = () => {
      const values = sliders.map(slider => slider.valueAsNumber);
      sliders.forEach((slider, n) => { slider.nextElementSibling.textContent = +values[n].toPrecision(3); });
      const said = figure.panels.map((panel, n) => draw(panel, pictures[n], values));
      figure.querySelector("output").textContent = said.filter(Boolean).join("; ");
    };
    figure.addEventListener("input", redraw);
    redraw(); // a browser may have kept the sliders where the reader left them
    figure.classList.add("live");
  }
})();
