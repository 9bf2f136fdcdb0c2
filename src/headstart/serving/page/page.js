// The page: each picture is sent as it is, in a request of its own, and what the server says of it
// is shown. Names of files and classes are strangers' text: they are only ever set as text.
"use strict";

const AT_ONCE = 2, TRIES = 6, SIMILAR = 5, SHOWN = 5;
const byId = (id) => document.getElementById(id);
const about = { similar: false, limits: {}, reasons: {} };
let waiting = [], busy = 0, total = 0, done = 0, token = "";

const percent = (p) =>
  p >= 0.9995 ? "> 99.9 %" : p < 0.0005 ? "< 0.1 %" : `${(100 * p).toFixed(1)} %`;
const pause = (seconds) => new Promise((go) => setTimeout(go, 1000 * seconds));

function add(parent, kind, text, className = "") {
  const element = document.createElement(kind);
  element.textContent = text;
  element.className = className;
  return parent.appendChild(element);
}

async function ask(address, options = {}) {
  for (let tries = 1; ; tries += 1) {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const answer = await fetch(address, { ...options, headers: { ...headers, ...options.headers } });
    if (answer.status === 401) {
      byId("access").hidden = false;
      byId("token").focus();
    }
    if (answer.status !== 503 || tries === TRIES) return answer;
    await pause(Number(answer.headers.get("retry-after")) || 1);
  }
}

async function introduce() {
  const answer = await ask("about");
  if (!answer.ok) return;
  Object.assign(about, await answer.json());
  byId("access").hidden = true;
  byId("name").textContent = about.name;
  document.title = about.name;
  // What training has not seen says more.
  const { accuracy, interval, num_images: number } = about.test.without_leakage ?? about.test;
  const judged = accuracy == null ? "" : ` ${(100 * accuracy).toFixed(1)} % of ${number} test ` +
    `pictures right (95 % interval ${interval.map((p) => (100 * p).toFixed(1)).join(" to ")} %).`;
  byId("about").textContent = `Tells ${about.classes.length} classes apart.${judged}`;
  byId("warning").textContent = about.warning;
  byId("warning").hidden = !about.warning;
}

function take(files) {
  for (const file of files) {
    const item = byId("answer").content.cloneNode(true).firstElementChild;
    item.querySelector(".file bdi").textContent = file.name;
    item.querySelector("h2").textContent = "…";
    const picture = item.querySelector("img");
    picture.onload = () => { picture.hidden = false; };
    picture.src = URL.createObjectURL(file);
    byId("answers").append(item);
    waiting.push({ file, item });
    total += 1;
  }
  tell();
  next();
}

function next() {
  while (busy < AT_ONCE && waiting.length) {
    busy += 1;
    const { file, item } = waiting.shift();
    answer(file, item).finally(() => { busy -= 1; done += item.isConnected; tell(); next(); });
  }
}

async function answer(file, item) {
  try {
    if (file.size > about.limits.bytes) throw new Error("The file is larger than the server takes.");
    const query = about.similar ? `?similar=${SIMILAR}` : "";
    const type = { "content-type": "application/octet-stream" };
    const reply = await ask(`predict${query}`, { method: "POST", body: file, headers: type });
    const said = await reply.json();
    const row = Array.isArray(said) ? said[0] : said.predictions && said.predictions[0];
    if (!row) throw new Error(`${said.error}. ${said.fix}`);
    show(row, item);
  } catch (error) {
    unusable(item, "No answer", error.message);
  }
}

function show(row, item) {
  if (row.label === null) {
    const [, code, detail] = /^(\w+)(?:: (.*))?$/s.exec(row.reason);
    unusable(item, "Not usable", `${about.reasons[code] || code}${detail ? `: ${detail}` : ""}`);
    return;
  }
  const title = item.querySelector("h2"), why = item.querySelector(".why");
  title.textContent = row.unsure ? "Unsure" : "";
  if (row.unsure) {
    item.classList.add("unsure");
    why.textContent = row.reason === "unfamiliar"
      ? "It is unlike the pictures that were learned from: it may be none of these classes."
      : "No class is clearly the most probable.";
    why.hidden = false;
  } else {
    add(title, "bdi", row.label);
  }
  const ranking = item.querySelector(".ranking");
  for (const { label, probability } of row.ranking.slice(0, SHOWN)) {
    const line = add(ranking, "li", "");
    add(line, "bdi", label);
    add(line, "span", percent(probability));
    const track = add(line, "div", "", "track");
    track.setAttribute("aria-hidden", "true");
    add(track, "div", "", "fill").style.width = `${100 * probability}%`;
  }
  for (const near of row.similar || []) {
    const line = add(item.querySelector(".similar"), "li", "");
    add(line, "bdi", near.label);
    add(line, "span", " · ");
    add(line, "bdi", near.id, "quiet");
  }
  item.querySelector("details").hidden = !(row.similar && row.similar.length);
}

function unusable(item, title, why) {
  item.classList.add("unusable");
  item.querySelector("h2").textContent = title;
  item.querySelector(".why").textContent = why;
  item.querySelector(".why").hidden = false;
}

function tell() {
  byId("bar").hidden = total === 0;
  const pictures = total === 1 ? "picture" : "pictures";
  byId("status").textContent = done < total
    ? `${done} of ${total} ${pictures} answered …`
    : `${total} ${pictures} answered`;
}

function clear() {
  for (const picture of document.querySelectorAll("article img")) URL.revokeObjectURL(picture.src);
  byId("answers").replaceChildren();
  waiting = [];
  total = done = 0;
  tell();
  byId("files").focus();
}

byId("files").addEventListener("change", (event) => {
  take([...event.target.files]);
  event.target.value = "";
});
byId("clear").addEventListener("click", clear);
byId("asking").addEventListener("submit", (event) => event.preventDefault());
byId("access").addEventListener("submit", (event) => {
  event.preventDefault();
  token = byId("token").value.trim();
  introduce();
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    byId("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") take([...event.dataTransfer.files]);
  });
}
document.addEventListener("paste", (event) => take([...event.clipboardData.files]));
introduce();
