// Asks Lighthouse about one page in a session. Its argument and its answer are JSON.

import lighthouse, { desktopConfig } from "lighthouse";
import puppeteer from "puppeteer-core";

const { url, path, session, chromium } = JSON.parse(process.argv[2]);
const onlyCategories = ["accessibility", "best-practices", "performance"];
const browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox"] });

function lostPoints({ audits, categories }) {
  const refs = onlyCategories.flatMap((name) => categories[name].auditRefs);
  return refs
    .filter(({ id, weight }) => weight > 0 && audits[id].score !== null && audits[id].score < 0.95)
    .map(({ id }) => `${audits[id].title}: ${audits[id].displayValue ?? ""} ${JSON.stringify(audits[id].details?.items ?? []).slice(0, 300)}`);
}

try {
  const page = await browser.newPage();
  await browser.setCookie({ name: "sessionid", value: session, domain: new URL(url).hostname, path: "/" });
  const { lhr } = await lighthouse(url + path, { onlyCategories, logLevel: "silent" }, desktopConfig, page);
  const scores = Object.fromEntries(onlyCategories.map((name) => [name, lhr.categories[name].score]));
  console.log(JSON.stringify({ scores, lost: lostPoints(lhr) }));
} finally {
  await browser.close();
}
