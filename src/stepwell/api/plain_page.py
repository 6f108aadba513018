"""What a person sees who opens a server without a dashboard in a browser."""

from html import escape
from typing import Final

__all__ = ["NOT_BUILT", "SWITCHED_OFF", "plain_page"]

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Stepwell</title>
<style>
  :root {{ color-scheme: light dark }}
  body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }}
  code {{ font-size: .95em }}
</style>
</head>
<body>
<h1>Stepwell</h1>
<p>This is a Stepwell server, version {version}: it accepts events and runs functions step by step.
It serves these APIs:</p>
<ul>
<li><code>POST /e/&lt;event key&gt;</code> accepts events.</li>
<li><code>/v1/events</code> and <code>/v1/runs</code> show events and runs.</li>
<li><code>POST /fn/register</code> is where SDKs register the functions of an app.</li>
<li><code>/health</code> tells that the server answers.</li>
</ul>
{why}
</body>
</html>
"""

SWITCHED_OFF: Final = "<p>The dashboard is switched off (<code>--no-ui</code>).</p>"
NOT_BUILT: Final = """<h2>The dashboard is not part of this installation</h2>
<p>Stepwell was installed from its sources, and its pages were not built, for example because
<code>STEPWELL_UI=skip</code> was set. Everything else works. To have the dashboard, do one of these
and load this page again:</p>
<ul>
<li>In the source tree, run <code>python hatch_build.py</code>, or <code>npm ci</code> and
<code>npm run build</code> in the folder <code>web</code>.</li>
<li>Install it again without <code>STEPWELL_UI</code>.</li>
<li>Install the published package, which contains it: <code>pip install stepwell</code>.</li>
</ul>"""


def plain_page(version: str, why: str) -> bytes:
    """The page, which shows nothing about events, runs or functions.

    Args:
        version: Of the server.
        why: HTML that says why there is no dashboard.
    """
    return _PAGE.format(version=escape(version), why=why).encode()
