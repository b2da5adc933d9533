"use strict";
// The reviewers' page: what waits, the photo with what was measured, and the decision. All text goes through textContent.

const at = (id) => document.getElementById(id);
const WORDS = {
  waiting: { zh: "待审核", en: "waiting" },
  decided: { zh: "已决定", en: "decided" },
  rejected: { zh: "机器不通过", en: "rejected by the machine" },
  accepted: { zh: "机器通过", en: "accepted by the machine" },
  accept: { zh: "通过", en: "accept" },
  reject: { zh: "不通过", en: "reject" },
  review: { zh: "需人工复核", en: "review" },
  measured: { zh: "测得", en: "measured" },
  limits: { zh: "要求", en: "limits" },
  none: { zh: "没有应答", en: "no answer" },
};
const word = (name) => WORDS[name]?.[lang] || name;
let lang = navigator.language.startsWith("zh") ? "zh" : "en";
let rows = [];
let next = null;
// The id that was opened last, and what is shown of it once it is there: only what is seen can be decided on.
let current = null;
let shown = null;
let urls = [];
// The number of what was asked for last: an answer to something earlier comes too late to be shown.
let turn = 0;
let listing = 0;
let busy = false;

const authorization = () => (at("key").value ? { Authorization: `Bearer ${at("key").value}` } : {});

/** Asks the service; what it cannot answer is an Error with its words. */
async function ask(path, options = {}) {
  const [address, query] = path.split("?");
  const parameters = new URLSearchParams(query);
  parameters.set("lang", lang);
  const answer = await fetch(`${address}?${parameters}`, { ...options, headers: { ...options.headers, ...authorization() } });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({ title: word("none"), detail: String(answer.status) }));
  throw Object.assign(new Error(problem.detail || problem.title), { status: answer.status });
}

function tell(problem) {
  at("problem").hidden = !problem;
  at("problem").textContent = problem ? problem.message : "";
}

/** An element with a text. */
function made(tag, text, className = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = className;
  return element;
}

function speak() {
  document.documentElement.lang = lang;
  at("language").textContent = lang === "zh" ? "English" : "中文";
  for (const element of document.querySelectorAll("[data-zh]")) element.textContent = element.dataset[lang];
  for (const option of at("state").options) option.textContent = word(option.value);
  list();
  if (shown) {
    show(shown);
    relabel(shown.id);
  }
}

/** Draws the marks again in the language of the page. */
async function relabel(id) {
  const own = lang;
  try {
    const marks = URL.createObjectURL(await (await ask(`/v1/submissions/${id}/overlay?photo=false`)).blob());
    if (shown?.id !== id || lang !== own) return URL.revokeObjectURL(marks);
    URL.revokeObjectURL(urls[1]);
    at("marks").src = urls[1] = marks;
  } catch (problem) {
    tell(problem);
  }
}

const titled = (row) => row.reference || row.file || row.id;
const time = (text) => new Date(text).toLocaleString(lang === "zh" ? "zh-CN" : "en-GB");

function list() {
  at("queue").replaceChildren(...rows.map((row) => {
    const item = document.createElement("li");
    const button = made("button", titled(row));
    button.type = "button";
    button.append(made("small", `${time(row.received_at)} · ${row.outcome ? word(row.outcome) : word(row.verdict)}`));
    if (row.id === current) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => open(row.id));
    item.append(button);
    return item;
  }));
  at("empty").hidden = rows.length > 0;
  at("more").hidden = !next;
}

/** Reads a page of the list; from its beginning when `fresh`. */
async function load(fresh) {
  const own = ++listing;
  try {
    const after = !fresh && next ? `&after=${next}` : "";
    const page = await (await ask(`/v1/submissions?state=${at("state").value}&limit=50${after}`)).json();
    if (own !== listing) return;
    rows = fresh ? page.submissions : [...rows, ...page.submissions];
    next = page.next;
    tell(null);
    list();
    if (fresh) await open(rows[0]?.id);
  } catch (problem) {
    if (own !== listing) return;
    if (fresh) {
      rows = [];
      next = null;
      await open(undefined);
    }
    tell(problem);
    list();
  }
}

/** Opens a submission; without an id, none. */
async function open(id) {
  const own = ++turn;
  [current, shown] = [id, null];
  for (const part of ["picture", "case"]) at(part).hidden = true;
  list();
  at("queue").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  if (!id) return;
  try {
    const full = await (await ask(`/v1/submissions/${id}`)).json();
    const pictures = await Promise.all(["photo", "overlay?photo=false"].map(async (part) => (await ask(`/v1/submissions/${id}/${part}`)).blob()));
    if (own !== turn) return;
    urls.forEach((url) => URL.revokeObjectURL(url));
    urls = pictures.map((picture) => URL.createObjectURL(picture));
    [at("photo").src, at("marks").src] = urls;
    at("note").value = "";
    shown = full;
    show(full, true);
  } catch (problem) {
    if (own === turn) tell(problem);
  }
}

// What stands behind a number; units that are not here stand by themselves.
const SIGNS = { px: " px", degrees: "°", percent: " %", kib: " KB", dpi: " dpi", "delta-e": " ΔE", lightness: " L*" };
const number = (value, unit) => `${value}${SIGNS[unit] || ""}`;

function limits({ limit, unit }) {
  if (!limit) return "";
  const { min, max } = limit;
  const text = min === null ? `≤ ${number(max, unit)}` : max === null ? `≥ ${number(min, unit)}` : `${min} – ${number(max, unit)}`;
  return ` · ${word("limits")} ${text}`;
}

/** A check as a reason to choose. */
function reason(check, chosen) {
  const item = document.createElement("li");
  item.className = check.status;
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.name = check.id;
  box.checked = chosen;
  label.append(box, made("b", check.title[lang]), made("span", check.message[lang]));
  if (check.value !== null) label.append(made("small", `${word("measured")} ${number(check.value, check.unit)}${limits(check)}`, "measured"));
  if (check.hint) label.append(made("small", check.hint[lang]));
  item.append(label);
  return item;
}

/** Shows a submission. What was chosen stays, unless it is `fresh`. */
function show(full, fresh) {
  const order = ["fail", "warn", "undetermined", "pass"];
  const checks = [...full.report.checks].sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status));
  const before = fresh ? null : new Set(reasons());
  const rowsOf = (list) => list.map((check) => reason(check, before ? before.has(check.id) : check.status === "fail" || check.status === "warn"));
  at("reasons").replaceChildren(...rowsOf(checks.filter((check) => check.status !== "pass")));
  at("passing").replaceChildren(...rowsOf(checks.filter((check) => check.status === "pass")));
  at("name").textContent = titled(full);
  const file = full.file && full.file !== titled(full) ? [full.file] : [];
  at("facts").textContent = [...file, word(full.verdict), full.profile, time(full.received_at), full.submitted_by, full.id].join(" · ");
  const titles = Object.fromEntries(checks.map((check) => [check.id, check.title[lang]]));
  at("earlier").hidden = full.decisions.length === 0;
  at("history").replaceChildren(...full.decisions.map((decision) => {
    const why = decision.reasons.map((id) => titles[id] || id).join(lang === "zh" ? "、" : ", ");
    const lines = [`${word(decision.outcome)} · ${decision.by} · ${time(decision.at)}`, why, decision.note];
    return made("li", lines.filter(Boolean).join("\n"), decision.outcome);
  }));
  for (const part of ["picture", "case"]) at(part).hidden = false;
}

const reasons = () => [...at("decision").querySelectorAll("input:checked")].map((box) => box.name);

async function decide(outcome) {
  if (!shown || busy) return;
  const { id, decision_count: after } = shown;
  const body = { outcome, reasons: outcome === "reject" ? reasons() : [], note: at("note").value, after };
  busy = at("accept").disabled = at("reject").disabled = true;
  try {
    await ask(`/v1/submissions/${id}/decisions`, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
    tell(null);
    const index = rows.findIndex((row) => row.id === id);
    // What is decided waits no longer; in other lists it stays, and is shown as it is now.
    if (at("state").value === "decided") {
      if (index >= 0) rows[index].outcome = outcome;
      await open(id);
    } else {
      if (index >= 0) rows.splice(index, 1);
      await open((rows[index] || rows[index - 1])?.id);
      if (rows.length === 0 && next) await load(true);
    }
  } catch (problem) {
    // Somebody was first: what they decided is shown, and the reviewer decides again.
    if (problem.status === 409) {
      await open(id);
      at("note").value = body.note;
    }
    tell(problem);
  } finally {
    busy = at("accept").disabled = at("reject").disabled = false;
  }
}

function move(step) {
  const index = rows.findIndex((row) => row.id === current);
  const row = rows[index + step];
  if (row) open(row.id);
}

function mark() {
  at("marks").hidden = !at("drawn").checked;
}

const KEYS = {
  a: () => decide("accept"),
  r: () => decide("reject"),
  m: () => { at("drawn").checked = !at("drawn").checked; mark(); },
  arrowdown: () => move(1),
  arrowright: () => move(1),
  arrowup: () => move(-1),
  arrowleft: () => move(-1),
};

document.addEventListener("keydown", (event) => {
  // A key held down is one decision, a word in a note is none, and Ctrl+R is the browser's.
  const typing = event.target.closest("textarea, select, input:not([type=checkbox])");
  const action = KEYS[event.key.toLowerCase()];
  if (typing && event.key === "Escape") event.target.blur();
  if (typing || !action || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  action();
});
at("language").addEventListener("click", () => { lang = lang === "zh" ? "en" : "zh"; speak(); });
at("key").addEventListener("change", () => load(true));
at("state").addEventListener("change", () => load(true));
at("more").addEventListener("click", () => load(false));
at("accept").addEventListener("click", () => decide("accept"));
at("reject").addEventListener("click", () => decide("reject"));
at("drawn").addEventListener("change", mark);
at("decision").addEventListener("submit", (event) => event.preventDefault());
at("photo").addEventListener("load", () => { at("unseen").hidden = true; at("photo").parentElement.hidden = false; });
at("photo").addEventListener("error", () => { at("unseen").hidden = false; at("photo").parentElement.hidden = true; });
// Who has nothing to do sees what comes in.
setInterval(() => { if (rows.length === 0 && at("problem").hidden && !document.hidden) load(true); }, 20000);
at("state").replaceChildren(...["waiting", "decided", "rejected", "accepted"].map((state) => new Option(word(state), state)));
speak();
load(true);
