// Practice: the same screen with members who do not exist. Nothing leaves this page; the tour asks for what a till is
// asked for in its first hour, and a clock runs along.

import { Refusal } from "./counter.js";
import { earned } from "./permit.js";
import { amount, money, say } from "./words.js";

const TICK_MS = 1000;

/**
 * @typedef {{ unit: string, currency: string, digits: number, worth: number, earn: import("./permit.js").Earn,
 *   rewards: { key: string, name: string, cost: number }[] }} Programme
 * @typedef {{ code: string, name: string, balance: number, isBlocked: boolean }} Person
 */

/** @implements {import("./counter.js").Desk} */
export class Practice {
  /** @type {Person | null} */
  #person = null;
  /** @type {{ person: Person, change: number } | null} */
  #last = null;
  #began = 0;
  #ticking = 0;

  /**
   * @param {HTMLElement} place
   * @param {(code: string) => void} scanned
   */
  constructor(place, scanned) {
    this.place = place;
    /** @type {Programme} */
    this.programme = JSON.parse(place.dataset.programme ?? "{}");
    this.people = [...place.querySelectorAll("[data-person]")].map(personOf);
    for (const card of place.querySelectorAll("[data-person]")) {
      /** @type {HTMLElement} */ (card).onclick = () => scanned(/** @type {HTMLElement} */ (card).dataset.person ?? "");
    }
    this.#point();
  }

  /** @param {string} code @returns {Promise<import("./counter.js").Found>} */
  async find(code) {
    this.#start();
    const { currency, digits, unit } = this.programme;
    const plain = { currency, digits };
    this.#person = this.people.find((one) => one.code === code.trim().toUpperCase()) ?? null;
    if (!this.#person) {
      return { ...plain, level: "warn", title: say("till.practice.real"), next: say("till.practice.real_next"), mayCount: false };
    }
    const { name, balance, isBlocked } = this.#person;
    this.#did(isBlocked ? "blocked" : "scan");
    if (isBlocked) return { ...plain, level: "bad", title: say("till.blocked"), next: say("till.blocked_next"), name, mayCount: false };
    return {
      ...plain, level: "good", title: say("till.practice.valid"), name, balance: amount(balance, unit), mayCount: true,
      spendable: this.programme.worth ? say("till.practice.has", { amount: amount(balance, unit) }) : "",
      rewards: this.programme.rewards.map((reward) => this.#offered(reward, balance)),
    };
  }

  /** @param {import("./counter.js").Order} order */
  quote(order) {
    return this.#signed(this.#change(order));
  }

  /** @param {import("./counter.js").Order} order @returns {Promise<import("./counter.js").Done>} */
  async count(order) {
    const person = /** @type {Person} */ (this.#person);
    const change = this.#change(order);
    person.balance += change;
    this.#last = { person, change };
    this.#did(order.reward || order.redeem ? "reward" : "count");
    return { level: "good", title: say("till.practice.done"), change: this.#signed(change), sentences: [this.#now(person)], mayUndo: true };
  }

  /** @returns {Promise<import("./counter.js").Done>} */
  async undo() {
    const { person, change } = /** @type {{ person: Person, change: number }} */ (this.#last);
    person.balance -= change;
    this.#did("undo");
    return { level: "warn", title: say("till.practice.undone"), change: this.#signed(-change), sentences: [this.#now(person)], mayUndo: false };
  }

  /* What counting does, as the shop's own rule has it. */

  /** @param {import("./counter.js").Order} order */
  #change({ total, redeem, reward }) {
    const { programme } = this;
    const has = this.#person?.balance ?? 0;
    const cost = reward ? programme.rewards.find((one) => one.key === reward)?.cost ?? 0 : redeem;
    if (cost > has) throw new Refusal(say("refused.not_enough_points", { n: cost - has }));
    if (total && redeem * programme.worth > total) throw new Refusal(say("refused.points_over_bill"));
    return earned(programme.earn, Math.max(0, total - redeem * programme.worth)) - cost;
  }

  /** @param {{ key: string, name: string, cost: number }} reward @param {number} has */
  #offered({ key, name, cost }, has) {
    return { key, title: name, note: amount(cost, this.programme.unit), isReady: cost <= has };
  }

  /** @param {number} change */
  #signed(change) {
    return `${change < 0 ? "\u2212" : "+"}${amount(Math.abs(change), this.programme.unit)}`;
  }

  /** @param {Person} person */
  #now(person) {
    return say("till.practice.now", { name: person.name, amount: amount(person.balance, this.programme.unit) });
  }

  /* The tour. */

  #start() {
    if (this.#began) return;
    this.#began = Date.now();
    this.#ticking = window.setInterval(() => this.#tick(), TICK_MS);
  }

  #tick() {
    if (!this.place.isConnected) return clearInterval(this.#ticking);
    this.#part("clock").textContent = this.#taken;
  }

  get #taken() {
    const seconds = Math.floor((Date.now() - this.#began) / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }

  /** Only the task whose turn it is counts as done. @param {string} task */
  #did(task) {
    const next = this.#next;
    if (!next || next.dataset.task !== task) return;
    next.dataset.done = "yes";
    next.setAttribute("aria-label", say("till.practice.ticked", { task: next.textContent?.trim() ?? "" }));
    if (!this.#point()) this.#finish();
  }

  #point() {
    for (const task of this.place.querySelectorAll("[data-task]")) task.removeAttribute("aria-current");
    this.#next?.setAttribute("aria-current", "step");
    return this.#next;
  }

  #finish() {
    clearInterval(this.#ticking);
    const finished = this.#part("finished");
    finished.hidden = false;
    this.#part("finished-in").textContent = say("till.practice.finished", { time: this.#taken });
    const form = /** @type {HTMLFormElement | null} */ (finished.querySelector("form"));
    if (form) fetch(form.action, { method: "POST", body: new URLSearchParams(/** @type {any} */ (new FormData(form))) }).catch(() => {});
  }

  get #next() {
    return /** @type {HTMLElement | null} */ (this.place.querySelector("[data-task]:not([data-done])"));
  }

  /** @param {string} name */
  #part(name) {
    return /** @type {HTMLElement} */ (this.place.querySelector(`[data-part=${name}]`));
  }
}

/** @param {Element} card @returns {Person} */
function personOf(card) {
  const { person = "", name = "", balance, blocked } = /** @type {HTMLElement} */ (card).dataset;
  return { code: person, name, balance: Number(balance), isBlocked: blocked === "yes" };
}
