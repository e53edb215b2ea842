"use strict";
// Nodes and words. All text becomes text nodes: nothing here, or after, makes markup of a string.

function el(tag, attributes, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(" ");
  return dressed(node, attributes, children);
}

function svg(tag, attributes, ...children) {
  return dressed(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function dressed(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false && child !== "") node.append(child);
  }
  return node;
}

const byId = (id) => document.getElementById(id);

// 67.46 as 1:07.5, hours only where there are any.
function clock(seconds, digits = 1) {
  const ticks = Math.round(seconds * 10 ** digits);
  const whole = Math.floor(ticks / 10 ** digits);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const two = (number) => String(number).padStart(2, "0");
  const rest = digits && ticks % 10 ** digits ? `.${ticks % 10 ** digits}` : "";
  const head = hours ? `${hours}:${two(minutes)}` : `${minutes}`;
  return `${head}:${two(whole % 60)}${rest}`;
}

const between = ([start, end]) => `${clock(start)}–${clock(end)}`;

function lasted(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 0.0995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 99.5) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(Math.round(seconds) / 60)} min ${Math.round(seconds) % 60} s`;
}

const grouped = (number) => number.toLocaleString("en-US");
const counted = (number, what) => `${grouped(number)} ${what}${number === 1 ? "" : "s"}`;
const known = (value) => value !== null && value !== undefined;

function price(usd) {
  if (!known(usd)) return "price unknown"; // as in the terminal
  return usd === 0 ? "$0" : `$${usd < 1 ? usd.toPrecision(2) : usd.toFixed(2)}`;
}

function tokens(row) {
  if (!known(row.input_tokens) || !known(row.output_tokens)) return "tokens unknown";
  const kept = row.cached_tokens ? ` (${grouped(row.cached_tokens)} kept by the provider)` : "";
  return `${grouped(row.input_tokens)} in${kept}, ${grouped(row.output_tokens)} out`;
}

function shortened(text, most) {
  const flat = text.replace(/\s+/g, " ").trim();
  return flat.length > most ? `${flat.slice(0, most - 1).trimEnd()}…` : flat;
}
