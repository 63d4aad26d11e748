// Ages count on by themselves: what is no longer updated never says that it is new.

const skew = Date.parse(document.documentElement.dataset.now) - Date.now();
const TEXTS = {
  for: inOneUnit,
  ago,
  updated: (seconds) => `updated ${ago(seconds)}`,
};

setInterval(() => document.querySelectorAll("time[data-age]").forEach(show), 1000);

function show(time) {
  const seconds = Math.max(0, Math.round((Date.now() + skew - Date.parse(time.dateTime)) / 1000));
  const text = TEXTS[time.dataset.age](seconds);
  if (time.textContent !== text) time.textContent = text;
}

function ago(seconds) {
  return seconds < 10 ? "just now" : `${inOneUnit(seconds)} ago`;
}

function inOneUnit(seconds) {
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]])
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  return `${seconds} s`;
}

// The times of the latest polls, by the ID of the hypervisor.
export function polled(times) {
  for (const [hypervisor, at] of Object.entries(times))
    for (const time of document.querySelectorAll(`time[data-hypervisor="${hypervisor}"]`)) {
      time.dateTime = at;
      show(time);
    }
}
