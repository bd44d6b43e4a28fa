// The till without a connection: purchases and stamps are kept and counted later; what spends is allowed within the floor
// that the permission names, once per card, and only with a code that proves itself. Coupons and rewards wait.

import { Wrong, read } from "./code.js";
import { Refusal } from "./counter.js";
import { earned, isUsable, permit } from "./permit.js";
import { Practised, SpentAlready, open } from "./queue.js";
import { newReceipt } from "./receipt.js";
import { amount, money, say } from "./words.js";

/** @typedef {import("./permit.js").Permit} Permit */

/** @implements {import("./counter.js").Desk} */
export class Offline {
  /** @type {Permit | null} */
  #permit = null;
  /** @type {import("./code.js").Read | null} */
  #read = null;
  #receipt = "";

  /** @param {string} code @returns {Promise<import("./counter.js").Found>} */
  async find(code) {
    this.#permit = await permit();
    const plain = { currency: this.#programme?.currency ?? "", digits: this.#programme?.digits ?? 2 };
    if (!isUsable(this.#permit)) {
      return { ...plain, level: "bad", title: say("till.no_permit"), next: say("till.no_permit_next"), mayCount: false };
    }
    try {
      this.#read = await read(code, this.#permit?.keys ?? []);
    } catch (wrong) {
      if (!(wrong instanceof Wrong)) throw wrong;
      const level = wrong.why === "forged" ? "bad" : "warn";
      return { ...plain, level, title: wrong.title, next: wrong.next, mayCount: false };
    }
    if (this.#permit?.blocked.includes(this.#read.card)) {
      return { ...plain, level: "bad", title: say("till.blocked"), next: say("till.blocked_next"), mayCount: false };
    }
    return { ...plain, ...this.#shown(this.#read) };
  }

  /** @param {import("./counter.js").Order} order */
  quote(order) {
    this.#check(order);
    return this.#change(order);
  }

  /** @param {import("./counter.js").Order} order @returns {Promise<import("./counter.js").Done>} */
  async count(order) {
    this.#check(order);
    const { code, card } = /** @type {import("./code.js").Read} */ (this.#read);
    this.#receipt = newReceipt();
    const wanted = order.redeem ? { kind: /** @type {const} */ ("redeem"), redeem: order.redeem } : { kind: /** @type {const} */ ("earn") };
    const total = order.total ? { total: order.total } : {};
    const stamps = order.stamps ? { stamps: order.stamps } : {};
    try {
      await (await open()).add({ code, card, ...wanted, ...total, ...stamps, receipt: this.#receipt });
    } catch (wrong) {
      if (wrong instanceof SpentAlready) throw new Refusal(say("till.spent_already"));
      if (wrong instanceof Practised) throw new Refusal(say("till.strip.practice"));
      throw wrong;
    }
    return { level: "good", title: say("till.kept"), change: this.#change(order), sentences: this.#reasons(order), mayUndo: true };
  }

  /** @returns {Promise<import("./counter.js").Done>} */
  async undo() {
    const isBack = await (await open()).withdraw(this.#receipt);
    if (isBack) return { level: "warn", title: say("till.withdrawn"), change: "", sentences: [], mayUndo: false };
    return { level: "warn", title: say("till.gone_out"), change: "", sentences: [say("till.gone_out_next")], mayUndo: false };
  }

  /** With several programmes a code does not say which it is of, so nothing is promised. */
  get #programme() {
    const all = this.#permit?.programmes ?? [];
    return all.length === 1 || new Set(all.map((one) => one.currency)).size === 1 ? all[0] : undefined;
  }

  get #isOnly() {
    return this.#permit?.programmes.length === 1;
  }

  /** @param {import("./code.js").Read} read */
  #shown(read) {
    const unit = this.#programme?.unit ?? "";
    const most = this.#most(read);
    return {
      level: /** @type {const} */ (read.isProved ? "good" : "warn"),
      title: say(read.isProved ? "till.proved" : "till.looks_right"),
      next: say(most ? "till.may_spend" : "till.earn_only"),
      tier: read.tier,
      balance: read.balance === null || !this.#isOnly ? "" : say("till.balance_then", { amount: amount(read.balance, unit) }),
      spendable: most ? say("till.at_most", { amount: amount(most, unit) }) : "",
      stamps: this.#stamps,
      waits: say("till.waits"),
      mayCount: true,
    };
  }

  /** What is counted without a bill; of several programmes the first that counts so, and none is said to be meant. */
  get #stamps() {
    const found = this.#permit?.programmes.find((one) => one.stamps)?.stamps ?? undefined;
    return found && !this.#isOnly ? { ...found, label: found.button, leads: false } : found;
  }

  /** How much this card may spend now. @param {import("./code.js").Read} read */
  #most(read) {
    // A PIN cannot be checked here.
    if (!read.isProved || !this.#permit || this.#permit.behind_pin?.includes(read.card)) return 0;
    return Math.min(this.#permit.floor, read.balance ?? this.#permit.floor);
  }

  /** @param {import("./counter.js").Order} order */
  #check({ redeem }) {
    const most = this.#read ? this.#most(this.#read) : 0;
    if (redeem > most) throw new Refusal(say("till.over_floor", { amount: amount(most, this.#programme?.unit ?? "") }));
  }

  /** @param {import("./counter.js").Order} order */
  #change({ total, redeem, stamps }) {
    const programme = this.#programme;
    const stamped = stamps ? [`${this.#stamps?.button} \u00d7 ${stamps}`] : [];
    if (!programme) return stamped.join();
    if (redeem) return [`\u2212${amount(redeem, programme.unit)}`, ...stamped].join(" · ");
    return [...stamped, ...this.#brings(programme, total)].join(" · ");
  }

  /** @param {import("./permit.js").Programme} programme @param {number} total */
  #brings(programme, total) {
    if (!total) return [];
    if (!this.#isOnly) return [money(total, programme.currency, programme.digits)];
    if (!programme.earn.points) return [];
    return [say("till.about", { amount: amount(earned(programme.earn, total), programme.unit) })];
  }

  /** @param {import("./counter.js").Order} order */
  #reasons({ total }) {
    const programme = this.#programme;
    const bill = programme && total ? [say("till.bill", { money: money(total, programme.currency, programme.digits) })] : [];
    return [...bill, say("till.kept_next")];
  }
}
