// Tells the server in which zone this browser is, by a cookie: once, and again when it has moved.
"use strict";
{
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const pair = `taskbell_browser_zone=${zone}`;
  if (zone && !document.cookie.split("; ").includes(pair)) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${pair}; Path=/; SameSite=Strict; Max-Age=31536000${secure}`;
    const { zone: shown, zoneChosen: chosen } = document.body.dataset;
    // Only a page that shows times, and only if the cookie was kept: a browser without cookies would reload for ever.
    if (shown && chosen === undefined && shown !== zone && document.cookie.includes(pair)) location.reload();
  }
}
