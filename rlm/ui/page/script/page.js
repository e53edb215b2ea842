// Keys, links, search, pictures, light and dark; and the beginning.

const DATA = JSON.parse(byId("data").textContent);
const LIVE = document.body.hasAttribute("data-live");
const LANE_PHASES = { looked: "looking", found: "searching", foretold: "predicting", curve: "predicting" };
let current = null;

// ---- which turn is being read

function choose(key, scroll = true) {
  const turn = run.turns.find((one) => one.key === key);
  if (!turn || !turn.node) return false;
  for (let node = turn.node.parentElement; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  setCurrent(turn);
  if (scroll) {
    turn.node.scrollIntoView({ block: "start" });
    turn.node.focus({ preventScroll: true });
    pinned = window.scrollY;
  }
  return true;
}

let pinned = null; // where a choice has scrolled to: until the reader scrolls on, it stands

function setCurrent(turn) {
  if (turn === current) return;
  if (current && current.link) current.link.removeAttribute("aria-current");
  if (current) current.node.classList.remove("current");
  current = turn;
  if (!turn) return;
  turn.node.classList.add("current");
  markLink(turn);
  showOnTimeline(turn);
}

function markLink(turn) {
  if (!turn.link) return;
  turn.link.setAttribute("aria-current", "true");
  for (let node = turn.link.parentElement; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  const list = byId("outline");
  const [link, box] = [turn.link.getBoundingClientRect(), list.getBoundingClientRect()];
  if (link.top < box.top || link.bottom > box.bottom) list.scrollTop += link.top - box.top - box.height / 2;
}

// Turns that can be seen: neither filtered out nor folded away.
const shown = () => run.turns.filter((turn) => turn.node && !turn.node.hidden && turn.node.checkVisibility());

function step(by) {
  const turns = shown().sort((a, b) => (a.node.compareDocumentPosition(b.node) & 4 ? -1 : 1));
  const place = turns.indexOf(current);
  const next = current === null || place < 0 ? 0 : Math.min(Math.max(place + by, 0), turns.length - 1);
  if (turns[next]) {
    choose(turns[next].key);
    history.replaceState(null, "", `#${turns[next].key}`);
  }
}

let scrolling = false;
window.addEventListener("scroll", () => {
  if (scrolling) return;
  scrolling = true;
  requestAnimationFrame(() => {
    scrolling = false;
    if (pinned !== null && Math.abs(window.scrollY - pinned) < 3) return;
    pinned = null;
    const column = byId("turns").getBoundingClientRect();
    const node = document.elementFromPoint(column.left + column.width / 2, window.innerHeight * 0.35);
    const article = node && node.closest("article.turn");
    const turn = article && run.turns.find((one) => one.node === article);
    if (turn) setCurrent(turn);
  });
}, { passive: true });

function follow() {
  const name = decodeURIComponent(location.hash.slice(1));
  if (!name || choose(name)) return;
  const node = byId(name);
  if (node && node.tagName === "DETAILS") node.open = true;
  if (node) node.scrollIntoView();
}
window.addEventListener("hashchange", follow);

// ---- search

function textOf(turn) {
  return (turn.text ||= turn.node.textContent.toLowerCase());
}

function filter() {
  const words = byId("search").value.trim().toLowerCase();
  let number = 0;
  for (const turn of run.turns) {
    if (!turn.node) continue;
    const fits = !words || textOf(turn).includes(words);
    turn.node.hidden = !fits;
    if (turn.link) turn.link.parentElement.hidden = !fits;
    number += fits;
    if (fits && words) for (let node = turn.node.parentElement; node; node = node.parentElement) if (node.matches("details.session")) node.open = true;
  }
  byId("found").textContent = words ? `${number} of ${run.turns.length}` : "";
}

let typing = null;
byId("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(filter, 90);
});
byId("search-form").addEventListener("submit", (event) => {
  event.preventDefault();
  filter();
  byId("search").blur();
  current = null;
  step(1);
});

// ---- pictures

const sources = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    target.src = smallSource(target.dataset.picture);
    sources.unobserve(target);
  }
}, { rootMargin: "800px" });

const smallSource = (id) => (LIVE ? `media/${id}.jpg` : `data:image/jpeg;base64,${DATA.pictures[id].jpeg}`);

function wholeSource(id) {
  if (LIVE) return `media/${id}.jpg`;
  const whole = byId(`whole-${id}`);
  return whole ? `data:image/jpeg;base64,${whole.textContent}` : smallSource(id);
}

function gallery(images) {
  return el("div.pictures", {}, images.map((image) => {
    const known = LIVE ? { jpeg: true } : DATA.pictures[image.id];
    if (!known || !known.jpeg) return el("figure.gone", {}, el("span", {}, "no picture"), el("figcaption", {}, image.label));
    const picture = el("img", { alt: "", width: known.width, height: known.height, decoding: "async", "data-picture": image.id });
    sources.observe(picture);
    return el("figure", {},
      el("button", { "aria-label": `Enlarge: ${image.label}`, click: () => enlarge(image, images) }, picture),
      el("figcaption", {}, image.label));
  }));
}

let album = [];
let place = 0;

function enlarge(image, images) {
  album = images.filter((one) => LIVE || (DATA.pictures[one.id] || {}).jpeg);
  place = album.indexOf(image);
  showPicture();
  byId("enlarged").showModal();
}

function showPicture() {
  const image = album[place];
  const picture = byId("enlarged").querySelector("img");
  picture.src = wholeSource(image.id);
  picture.alt = image.label;
  const link = !LIVE && !byId(`whole-${image.id}`) && DATA.links[image.id];
  const note = !LIVE && !byId(`whole-${image.id}`) && !link ? " (small: the whole picture is in the transcript)" : "";
  byId("enlarged").querySelector("p").replaceChildren(
    `${image.label}${note}${album.length > 1 ? ` · ${place + 1} of ${album.length}` : ""} `,
    ...(link ? [el("a", { href: link, target: "_blank", rel: "noopener" }, "the whole picture")] : []));
  byId("picture-before").disabled = place === 0;
  byId("picture-after").disabled = place === album.length - 1;
}

function turnPicture(by) {
  if (!album[place + by]) return;
  place += by;
  showPicture();
}
byId("picture-before").addEventListener("click", () => turnPicture(-1));
byId("picture-after").addEventListener("click", () => turnPicture(1));
byId("enlarged").addEventListener("click", (event) => {
  if (event.target === byId("enlarged")) byId("enlarged").close();
});

// ---- light and dark

const dark = matchMedia("(prefers-color-scheme: dark)");

function changeTheme() {
  const root = document.documentElement;
  const now = root.dataset.theme || (dark.matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
}

// ---- keys

function foldCurrent() {
  if (!current) return;
  const folds = [...current.node.querySelectorAll(":scope > details, :scope > .parallel > details")];
  const open = folds.some((one) => !one.open);
  for (const one of folds) one.open = open;
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  o: foldCurrent,
  "/": () => byId("search").focus(),
  t: changeTheme,
  "?": () => byId("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (byId("enlarged").open) {
    if (event.key === "ArrowLeft") turnPicture(-1);
    if (event.key === "ArrowRight") turnPicture(1);
    return;
  }
  if (byId("keys").open) return;
  if (event.key === "Escape" && byId("search").value) {
    byId("search").value = "";
    filter();
    byId("search").blur();
  } else if (!event.target.matches("input") && KEYS[event.key]) {
    event.preventDefault();
    KEYS[event.key]();
  }
});
byId("next").addEventListener("click", () => step(1));
byId("previous").addEventListener("click", () => step(-1));
byId("theme").addEventListener("click", changeTheme);
byId("help").addEventListener("click", () => byId("keys").showModal());

// ---- drawing

function draw() {
  const changed = [...run.changed];
  run.changed.clear();
  for (const one of changed) if (one.key) drawTurn(one);
  // Inner ones first: they are nodes of the outer ones.
  const sessions = changed.filter((one) => !one.key).sort((a, b) => b.id.length - a.id.length);
  for (const session of sessions) if (session.id) drawSession(session);
  drawRoot(sessionOf(""));
  drawAbout();
  drawOutline();
  drawTimeline(choose);
  if (current && !run.turns.includes(current)) current = null;
  if (current) markLink(current);
  showOnTimeline(current);
  if (byId("search").value) filter();
}

let width = 0;
new ResizeObserver(() => {
  if (width && byId("timeline").clientWidth !== width) {
    drawTimeline(choose);
    showOnTimeline(current);
  }
  width = byId("timeline").clientWidth;
}).observe(byId("timeline"));

if (LIVE) {
  goLive();
} else {
  for (const row of DATA.rows) take(row);
  draw();
  follow();
}
document.documentElement.dataset.ready = "";
