// The tree of turns and sub-sessions. Each draws itself anew from what is known of it.

const LONG_LINES = 22;
const FAILURES = {
  error: "error", no_code: "no code", cut: "reply cut", timed_out: "timed out", killed: "process ended", interrupted: "interrupted",
};
const TOLD_ANYWAY = new Set(["answer", "note"]);

function drawTurn(turn) {
  if (!turn.node) {
    const deep = turn.session.id ? turn.session.id.split(".").length : 0;
    turn.heading = `h${Math.min(6, 3 + 2 * deep)}`;
    turn.node = el("article.turn", { id: turn.key, "aria-labelledby": `${turn.key}-title`, tabindex: -1 });
  }
  const open = new Set([...turn.node.querySelectorAll(":scope > details[open]")].map((one) => one.className));
  const { reply, observed } = turn;
  const failure = observed && observed.failure;
  turn.node.replaceChildren(
    ...[
      el("header", {},
        el(turn.heading, { id: `${turn.key}-title` }, el("a", { href: `#${turn.key}`, title: "Link to this turn" }, `Turn ${turn.number}`)),
        failure && el("span.failure", {}, FAILURES[failure] || failure),
        el("p.cost", {}, turnCost(turn))),
      reply && reply.prose && prose(reply.prose),
      turn.partial && el("pre.partial", {}, turn.partial),
      reply && reply.reasoning && folded("reasoning", "Reasoning", el("pre", {}, reply.reasoning)),
      reply && reply.code.length > 0 && clipped(codeOf(reply.code), "code"),
      reply && reply.blocks > 1 && el("p.aside", {}, `Only the first of its ${reply.blocks} blocks ran.`),
      drawCalls(turn),
      ...turn.asked.map(subQuestion),
      ...sideBySide(turn.sessions),
      observed && observed.text && clipped(el("pre.output", {}, observed.text), failure ? "what failed" : "output"),
      observed && observed.images.length > 0 && gallery(observed.images),
      ...turn.notes.map((note) => el("p.note", {}, el("span.tag", {}, "noted"), note.fact, note.span && [" ", chip(note.span, turn)])),
      ...turn.notices.map((words) => el("p.notice", {}, words)),
      turn.answer && answerCard(turn.answer, turn),
    ].filter(Boolean),
  );
  for (const details of turn.node.querySelectorAll(":scope > details")) if (open.has(details.className)) details.open = true;
  turn.text = null; // what the search looks through
}

function turnCost(turn) {
  const { reply, observed } = turn;
  if (!reply) return turn.waiting ? "the model is at it" : "";
  const who = reply.model ? `${reply.model}, ` : "";
  const seconds = (reply.seconds || 0) + ((observed && observed.seconds) || 0);
  const words = [who + lasted(seconds), tokens(reply), price(reply.usd)];
  if (reply.cached) words.push("a recorded reply");
  return words.join(" · ");
}

// Words between backticks are code; the rest stays as it was written.
function prose(text) {
  const pieces = text.split(/`([^`\n]+)`/);
  return el("p.prose", {}, pieces.map((piece, number) => (number % 2 ? el("code", {}, piece) : piece)));
}

function codeOf(pieces) {
  const code = el("code");
  for (let number = 0; number < pieces.length; number += 2) {
    if (!pieces[number]) code.append(pieces[number + 1]);
    else {
      const span = document.createElement("span");
      span.className = `t-${pieces[number]}`;
      span.textContent = pieces[number + 1];
      code.append(span);
    }
  }
  return el("pre.code", {}, code);
}

// Long code and output are cut with a button below, so that a run can be looked over.
function clipped(pre, what) {
  const lines = pre.textContent.split("\n").length;
  pre.tabIndex = 0;
  pre.setAttribute("role", "region");
  pre.setAttribute("aria-label", what);
  if (lines <= LONG_LINES) return pre;
  const button = el("button.more", { "aria-expanded": "false" }, `All ${lines} lines`);
  const box = el("div.clipped", {}, pre, button);
  button.addEventListener("click", () => {
    const all = box.classList.toggle("all");
    button.setAttribute("aria-expanded", String(all));
    button.textContent = all ? "Fewer lines" : `All ${lines} lines`;
  });
  return box;
}

const folded = (name, words, ...content) => el(`details.${name}`, {}, el("summary", {}, words), ...content);

function drawCalls(turn) {
  const calls = turn.calls.filter((call) => call.failed || !TOLD_ANYWAY.has(call.tool));
  if (!calls.length) return null;
  const often = new Map();
  for (const call of calls) often.set(call.tool, (often.get(call.tool) || 0) + 1);
  const names = [...often].map(([tool, times]) => (times > 1 ? `${tool} ×${times}` : tool)).join(", ");
  const seconds = calls.reduce((all, call) => all + call.seconds, 0);
  const failed = calls.filter((call) => call.failed).length;
  const summary = [el("span.names", {}, shortened(names, 110)), el("span.took", {}, lasted(seconds)), failed > 0 && el("span.failure", {}, `${failed} failed`)];
  return folded("calls", el("span.line", {}, summary), el("ul", {}, calls.map((call) => callItem(call, turn))));
}

function callItem(call, turn) {
  return el(`li${call.failed ? ".failed" : ""}`, {},
    el("code.call", {}, el("b", {}, call.tool), `(${call.arguments})`),
    el("span.took", {}, lasted(call.seconds)),
    call.result && el("code.result", {}, call.result),
    call.spans.length > 0 && el("span.chips", {}, call.spans.slice(0, 12).map((span) => chip(span, turn))));
}

function subQuestion(row) {
  const words = row.error ? "No sub-answer" : "Asked a model";
  return folded("asked", `${words}: ${shortened(row.prompt, 90)}`,
    el("p.cost", {}, [row.model, lasted(row.seconds), tokens(row), price(row.usd)].filter(Boolean).join(" · ")),
    el("pre", {}, row.prompt),
    row.images.length > 0 && gallery(row.images),
    el(`pre.${row.error ? "failed" : "reply"}`, {}, row.error || row.reply));
}

// Sub-sessions that ran at the same time stand together.
function sideBySide(sessions) {
  const groups = [];
  for (const session of sessions) {
    const group = groups[groups.length - 1];
    const begins = session.started ? session.started.at : 0;
    if (group && begins < group.until) group.push(session);
    else groups.push([session]);
    const last = groups[groups.length - 1];
    last.until = Math.max(last.until || 0, session.end ? session.end.at : Infinity);
  }
  return groups.map((group) => {
    const nodes = group.map(drawSession);
    return group.length > 1 ? el("div.parallel", {}, el("p.aside", {}, `${group.length} sub-sessions side by side`), nodes) : nodes[0];
  });
}

function drawSession(session) {
  if (!session.id) return drawRoot(session);
  if (!session.node) {
    session.body = el("div.session-body");
    session.summary = el("summary");
    session.node = el("details.session", { id: `session-${session.id}` }, session.summary, session.body);
  }
  const started = session.started || { question: "", options: [], span: null };
  const answer = session.questions.length ? session.questions[session.questions.length - 1].answer : null;
  const deep = session.id.split(".").length;
  const outcome = answer ? answer.answer : session.end ? session.end.reason || session.end.status : "at work";
  session.summary.replaceChildren(
    el("span.who", {}, session.id),
    el(`h${Math.min(6, 2 + 2 * deep)}`, {}, shortened(started.question, 160)),
    el("span.outcome", {}, [started.span && between(started.span), session.end && counted(session.end.turns, "turn"), shortened(outcome, 120)].filter(Boolean).join(" · ")),
  );
  const items = session.items.map(itemNode);
  session.body.replaceChildren(...[
    started.options.length > 0 && optionsOf(started.options, answer),
    promptsOf(session),
    ...items,
    session.end && session.end.reason && el("p.notice", {}, `${session.end.status}: ${session.end.reason}`),
  ].filter(Boolean));
  return session.node;
}

function drawRoot(session) {
  const box = byId("turns");
  const several = session.questions.length > 1;
  const wanted = [];
  if (several) wanted.push(questionHead(session.questions[0], 1));
  else wanted.push(session.heading || (session.heading = el("h2.visually-hidden", {}, "Turns")));
  const told = promptsOf(session);
  if (told) wanted.push(told);
  let number = 1;
  for (const item of session.items) wanted.push(item.question ? questionHead(item, (number += 1)) : itemNode(item));
  const end = session.end;
  if (end && end.reason) wanted.push(el("p.notice", {}, `${end.status === "answered" ? "It ended" : end.status}: ${end.reason}`));
  settle(box, wanted);
  return box;
}

// Nodes that are already in place stay there: moving one would close what is open in it.
function settle(box, wanted) {
  let place = box.firstChild;
  for (const node of wanted) {
    if (node === place) place = place.nextSibling;
    else box.insertBefore(node, place);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function itemNode(item) {
  if (item.key) return item.node || (drawTurn(item), item.node);
  if (item.notice) return (item.node ||= item.text ? folded("notice", item.words, el("pre", {}, item.text)) : el("p.notice", {}, item.words));
  return item.node || drawSession(item);
}

function questionHead(question, number) {
  question.node ||= el("section.question", { id: `question-${number}`, "aria-label": `Question ${number}` });
  question.node.replaceChildren(
    el("h2", {}, el("a", { href: `#question-${number}` }, question.row.question)),
    ...[optionsOf(question.row.options, question.answer), question.answer && answerCard(question.answer),
      question.unanswered && el("p.notice", {}, `No answer: ${question.unanswered}`)].filter(Boolean),
  );
  return question.node;
}

function promptsOf(session) {
  if (!session.prompts.length) return null;
  if (session.told && session.toldRows === session.prompts.length) return session.told;
  session.toldRows = session.prompts.length;
  session.told = folded("prompts", "What the model was told", session.prompts.map((row) =>
    el("div", {}, el("p.aside", {}, row.role === "system" ? "System" : "Question"), el("pre", {}, row.text), row.images.length > 0 && gallery(row.images))));
  return session.told;
}

function optionsOf(options, answer) {
  if (!options.length) return null;
  return el("ol.options", {}, options.map(([letter, words]) => {
    const chosen = Boolean(answer) && answer.choice === letter;
    return el(`li${chosen ? ".chosen" : ""}`, {}, el("b", {}, letter), el("span", {}, words), chosen && el("span.visually-hidden", {}, " (chosen)"));
  }));
}

function answerCard(answer, turn) {
  const meant = known(answer.calibrated) ? answer.calibrated : answer.confidence;
  const sure = known(meant) && Math.round(meant * 100);
  const told = `confidence ${answer.confidence}${known(answer.calibrated) ? `, of which ${answer.calibrated.toFixed(2)} are right` : ""}`;
  return el("div.answer", {},
    el("p.words", {}, answer.choice && el("b", {}, `${answer.choice} `), answer.answer),
    el("p.proof", {},
      answer.best_effort && el("span.failure", {}, "best effort"),
      sure !== false && el("span.sure", { title: told }, el("meter", { min: 0, max: 100, value: sure, "aria-hidden": "true" }), `${sure}% sure`),
      answer.evidence.length > 0 && el("span.chips", {}, "seen at ", answer.evidence.map((span) => chip(span, turn))),
      !answer.evidence.length && el("span", {}, "no evidence given")));
}

// A stretch of the video; a click shows it on the timeline.
function chip(span, turn) {
  return el("button.chip", { title: "Show on the timeline", click: () => flash(span, turn) }, between(span));
}

function flash(span, turn) {
  if (turn) choose(turn.key, false);
  byId("timeline").scrollIntoView({ block: "nearest" });
  for (const mark of run.marks) {
    if (!mark.shape || mark.span[0] !== span[0] || mark.span[1] !== span[1]) continue;
    mark.shape.classList.remove("flash");
    void mark.shape.getBoundingClientRect(); // or the animation would not begin anew
    mark.shape.classList.add("flash");
  }
}
