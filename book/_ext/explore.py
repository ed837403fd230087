"""Loads the script of the figures to play with where a page has one, and not before it comes into view."""

LOADER = """
<script>
{
  const observer = new IntersectionObserver(seen => {
    if (!seen.some(figure => figure.isIntersecting)) return;
    observer.disconnect();
    document.head.append(Object.assign(document.createElement("script"), { src: "%s" }));
  }, { rootMargin: "200px" });
  document.querySelectorAll("figure.explore").forEach(figure => observer.observe(figure));
}
</script>
"""


def leave_out(app, config):
    """Jupyter Book puts each script that it finds on every page."""
    config.html_js_files = [name for name in config.html_js_files if name != "explore.js"]


def load(app, pagename, templatename, context, doctree):
    if '<figure class="explore">' in context.get("body", ""):
        context["body"] += LOADER % context["pathto"]("_static/explore.js", resource=True)


def setup(app):
    app.connect("config-inited", leave_out)
    app.connect("html-page-context", load)
