// One sale on one screen, drawn here: find a card, type the bill, count it, take it back. What a card is and what counting
// means is the desk's affair (`offline.js`); this module only asks and shows.

import { NotAnAmount, money, points } from "./amount.js";
import { attach } from "./keypad.js";
import { signal } from "./signal.js";
import { attach as step } from "./stepper.js";
import { tell } from "./visit.js";
import { say } from "./words.js";

/**
 * @typedef {"good" | "warn" | "bad"} Level
 * @typedef {{ level: Level, title: string, next?: string, name?: string, tier?: string, balance?: string, hints?: string[],
 *   unit?: string, currency: string, digits: number, spendable?: string, stamps?: import("./permit.js").Stamps, waits?: string,
 *   mayCount: boolean }} Found
 * @typedef {{ total: number, redeem: number, stamps: number }} Order
 * @typedef {{ level: Level, title: string, change: string, sentences: string[], mayUndo: boolean }} Done
 * @typedef {{
 *   find(code: string): Promise<Found>,
 *   quote(order: Order): string,
 *   count(order: Order): Promise<Done>,
 *   undo(): Promise<Done>,
 * }} Desk
 */

/** Something a person can mend; the sentence says how. */
export class Refusal extends Error {}

export class Counter {
  /** @type {Found | null} */
  #found = null;

  /**
   * @param {HTMLElement} root
   * @param {Desk} desk
   */
  constructor(root, desk) {
    this.root = root;
    this.desk = desk;
    const bill = this.#bill;
    attach(this.#part("keypad"), this.#field("amount"), () => this.#preview());
    step(this.#part("stepper"), () => this.#preview());
    bill.addEventListener("input", () => this.#preview());
    bill.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#guarded(() => this.#count(this.#order()));
    });
    this.#part("undo").onclick = () => this.#ask(true);
    this.#part("undo-no").onclick = () => this.#ask(false);
    this.#part("undo-yes").onclick = () => this.#guarded(async () => this.#showDone(await desk.undo()));
    for (const name of ["again", "next", "not-this"]) this.#part(name).onclick = () => this.rest();
    this.#scanForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.scanned(this.#typed.value);
    });
  }

  /** Back to the beginning: the next card. */
  rest() {
    this.#step("scan");
    this.#typed.value = "";
    this.#typed.focus();
  }

  /** @param {string} code */
  async scanned(code) {
    if (!code.trim()) return;
    this.#typed.value = "";
    this.#showCard(await this.desk.find(code));
  }

  /* Showing. */

  /** @param {Found} found */
  #showCard(found) {
    this.#found = found;
    this.#state("card", found.level, found.title, found.next);
    for (const name of /** @type {const} */ (["name", "tier", "balance"])) this.#write(name, found[name]);
    this.#part("hints").replaceChildren(...(found.hints ?? []).map((hint) => made("p", hint, "till-hint")));
    this.#part("bill").hidden = !found.mayCount;
    this.#part("not-this").hidden = found.mayCount;
    this.#part("again").hidden = !found.mayCount;
    this.#part("spend").hidden = !found.spendable;
    this.#write("spendable", found.spendable);
    this.#write("currency", found.currency);
    this.#bill.reset();
    this.#keys(found.digits);
    this.#stepper(found.stamps);
    this.#write("waits", found.waits);
    this.#preview();
    this.#step("card");
    if (found.mayCount && !matchMedia("(pointer: coarse)").matches) this.#field("amount").focus();
    tell(this.#part("card"));
  }

  /** @param {Done} done */
  #showDone(done) {
    this.#state("done", done.level, done.title);
    this.#write("change", done.change);
    this.#part("why").replaceChildren(...done.sentences.map((sentence) => made("li", sentence)));
    this.#part("undo").hidden = !done.mayUndo;
    this.#ask(false);
    this.#step("done");
    this.#part("next").focus();
    tell(this.#part("done"));
  }

  /** @param {boolean} sure */
  #ask(sure) {
    this.#part("sure").hidden = !sure;
    this.#part("more").hidden = sure;
    if (sure) this.#part("undo-yes").focus();
  }

  /** @param {import("./permit.js").Stamps | undefined} stamps */
  #stepper(stamps) {
    const number = this.#field("stamps");
    this.#part("stepper").hidden = !stamps;
    this.#part("stepper-label").textContent = stamps?.label ?? "";
    number.max = String(stamps?.most ?? 0);
    number.value = stamps?.leads ? "1" : "0";
    this.#part("count").textContent = stamps?.leads ? stamps.button : this.#part("count").dataset.usual ?? "";
  }

  /* Asking. */

  #order() {
    const currency = this.#found;
    const total = this.#number("amount", (typed) => money(typed, currency?.digits ?? 2));
    const [redeem, stamps] = [this.#number("points", points), this.#number("stamps", points)];
    if (!total && !redeem && !stamps) throw new Refusal(say("refused.amount_missing"));
    if (stamps > (currency?.stamps?.most ?? 0)) throw new Refusal(say("refused.stamps_many"));
    return { total, redeem, stamps };
  }

  /** @param {string} name @param {(typed: string) => number} read */
  #number(name, read) {
    try {
      return read(this.#field(name).value);
    } catch (wrong) {
      if (wrong instanceof NotAnAmount) throw new Refusal(say(`refused.${wrong.why}`));
      throw wrong;
    }
  }

  /** @param {Order} order */
  async #count(order) {
    this.#showDone(await this.desk.count(order));
  }

  /** @param {() => Promise<void>} work */
  async #guarded(work) {
    const button = /** @type {HTMLButtonElement} */ (this.#bill.querySelector("button:not([type])"));
    if (button.disabled) return;
    button.disabled = true;
    this.#part("quote").classList.remove("quote-wrong");
    try {
      await work();
    } catch (wrong) {
      if (!(wrong instanceof Refusal)) throw wrong;
      this.#quote(wrong.message, true);
    } finally {
      button.disabled = false;
    }
  }

  #preview() {
    try {
      const isAsked = ["amount", "points", "stamps"].some((name) => !["", "0"].includes(this.#field(name).value));
      this.#quote(isAsked ? this.desk.quote(this.#order()) : "", false);
    } catch (wrong) {
      if (!(wrong instanceof Refusal)) throw wrong;
      this.#quote(wrong.message, true);
    }
  }

  /* The page. */

  /** Whoever types on meanwhile hears it once. @param {string} sentence @param {boolean} isWrong */
  #quote(sentence, isWrong) {
    const place = this.#part("quote");
    if (isWrong && !(place.matches(".quote-wrong") && place.textContent === sentence)) signal("warn");
    place.textContent = sentence;
    place.classList.toggle("quote-wrong", isWrong);
  }

  /** @param {string} part @param {Level} level @param {string} title @param {string} [next] */
  #state(part, level, title, next) {
    const place = this.#part(`${part}-verdict`);
    place.dataset.verdict = level;
    place.classList.remove("verdict-good", "verdict-warn", "verdict-bad");
    place.classList.add(`verdict-${level}`);
    this.#write(`${part}-title`, title);
    if (part === "card") this.#write("card-next", next);
  }

  /** @param {number} digits */
  #keys(digits) {
    const decimals = /** @type {HTMLElement} */ (this.#bill.querySelector("[data-decimals]"));
    decimals.hidden = !digits;
    /** @type {HTMLElement} */ (this.#bill.querySelector("[data-key='00']")).hidden = Boolean(digits);
  }

  /** @param {string} step */
  #step(step) {
    for (const part of this.root.querySelectorAll("[data-step]")) {
      /** @type {HTMLElement} */ (part).hidden = /** @type {HTMLElement} */ (part).dataset.step !== step;
    }
    this.root.dataset.at = step;
    this.root.dispatchEvent(new CustomEvent("step", { detail: step }));
    scrollTo(0, 0);
  }

  /** @param {string} name @param {string} [text] */
  #write(name, text) {
    this.#part(name).textContent = text ?? "";
    this.#part(name).hidden = !text;
  }

  get #bill() {
    return /** @type {HTMLFormElement} */ (this.#part("bill"));
  }

  get #scanForm() {
    return /** @type {HTMLFormElement} */ (this.root.querySelector("#scan"));
  }

  get #typed() {
    return /** @type {HTMLInputElement} */ (this.root.querySelector("#code"));
  }

  /** @param {string} name */
  #field(name) {
    return /** @type {HTMLInputElement} */ (this.#bill.elements.namedItem(name));
  }

  /** @param {string} name */
  #part(name) {
    return /** @type {HTMLElement} */ (this.root.querySelector(`[data-part=${name}]`));
  }
}

/** @param {string} tag @param {string} text @param {string} [look] */
function made(tag, text, look) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (look) element.className = look;
  return element;
}
