// Tells the portal the time zone of the browser, by a cookie: the next page shows its times in it.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const cookie = `time_zone=${zone}`;
const secure = location.protocol === "https:" ? "; secure" : "";
if (zone && !document.cookie.split("; ").includes(cookie))
  document.cookie = `${cookie}; path=/; max-age=31536000; samesite=lax${secure}`;
