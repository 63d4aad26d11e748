// Stores the time zone of the browser in a cookie. The portal shows the times of the next page in it.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const cookie = `time_zone=${zone}`;
const secure = location.protocol === "https:" ? "; secure" : "";
if (zone && !document.cookie.split("; ").includes(cookie))
  document.cookie = `${cookie}; path=/; max-age=31536000; samesite=lax${secure}`;
