"""The page: tasks in a browser, written on the server (Jinja2), changed in place by htmx, live by server-sent events.

Everything a page loads comes from here, and no script or style stands in the HTML: the Content-Security-Policy allows
neither. Every form works without JavaScript too. Not here: any rule about tasks (`taskbell`), any SQL (`store`), any
write that the REST API does not know. Read in this order: `routes`, `forms`, `cards`, `moments`, `pages`, `templates/`.

`static/htmx.min.js` is htmx 4.0.1 (BSD Zero Clause License): `dist/htmx.min.js` of the npm package htmx.org, unchanged.
"""

from api_shim.web.routes import router

__all__ = ["router"]
