"""Loads the script of the figures to play with on pages that have one, and not before it comes into view."""

LOADER = """<script>{
  const observer = new IntersectionObserver(seen => {
    if (!seen.some(figure => figure.isIntersecting)) return;
    observer.disconnect();
    document.head.append(Object.assign(document.createElement("script"), { src: "%s" }));
  }, { rootMargin: "200px" });
  document.querySelectorAll("figure.explore").forEach(figure => observer.observe(figure));
}</script>"""


def load(app, pagename, templatename, context, doctree):
    if '<figure class="explore">' in context.get("body", ""):
        context["body"] += LOADER % context["pathto"]("_static/explore.js", resource=True)


def setup(app):
    app.connect("html-page-context", load)
