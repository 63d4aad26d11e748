// Ages count on by themselves: what is no longer updated never says that it is new.

const skew = Date.parse(document.documentElement.dataset.now) - Date.now();
setInterval(() => {
  for (const time of document.querySelectorAll("time[data-age]")) {
    const seconds = Math.max(0, Math.round((Date.now() + skew - Date.parse(time.dateTime)) / 1000));
    const text = seconds < 10 ? "updated just now" : `updated ${inOneUnit(seconds)} ago`;
    if (time.textContent !== text) time.textContent = text;
  }
}, 1000);

function inOneUnit(seconds) {
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]])
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  return `${seconds} s`;
}
