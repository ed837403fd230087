// Shows the "Try it" buttons of a page. Nothing else is fetched before one of them is pressed.
{
  const { src, dataset } = document.currentScript;
  const base = new URL("../runtime/", src);
  const places = document.querySelectorAll(".try-it");
  const fail = (place, text) => place.replaceChildren(text);
  const open = async ({ currentTarget: button }) => {
    if (!document.querySelector("link.try-style")) {
      const style = document.createElement("link");
      Object.assign(style, { rel: "stylesheet", className: "try-style", href: new URL(dataset.style, base) });
      document.head.append(style);
    }
    try {
      const { toggle } = await import(new URL(dataset.script, base));
      await toggle(button, new URL(dataset.cells, base), base);
    } catch (error) {
      fail(button.parentNode, `It cannot be tried now. ${error.message}`);
    }
  };
  if (location.protocol !== "file:") {
    for (const place of places) {
      place.firstChild.addEventListener("click", open);
      place.classList.add("works");
    }
  } else if (places.length) {
    fail(places[0], "To try the proofs on this page, serve the book (browsers run no Python from a file): ");
    const code = document.createElement("code");
    code.append("python3 -m http.server -d _build/html");
    places[0].append(code, ", and open http://localhost:8000.");
    places[0].classList.add("works");
  }
}
