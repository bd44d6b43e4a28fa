// The viewfinder on a page: the camera's picture, its buttons, and what stands in the way of a picture.

import { Camera } from "./camera.js";
import { say } from "./words.js";

const USED = "till camera used";
const video = document.createElement("video");
video.muted = true;
video.playsInline = true;
const camera = new Camera(video);
/** @type {import("./reader.js").Reader | null} */
let reader = null;
/** @type {HTMLElement | null} */
let shown = null;
/** @type {(code: string) => void} */
let take = () => {};

/**
 * Puts the camera into the page's `[data-finder]`; a page without one turns it off.
 * @param {HTMLElement} main
 * @param {(code: string) => void} scanned
 */
export function begin(main, scanned) {
  close();
  shown = main.querySelector("[data-finder]");
  take = scanned;
  if (!shown || !Camera.isPossible) return;
  shown.hidden = false;
  video.setAttribute("aria-label", say("till.camera"));
  part("picture").append(video);
  part("open").onclick = () => {
    reader?.forget();
    open();
  };
  part("close").onclick = () => { localStorage.removeItem(USED); close(); };
  part("change").onclick = () => open(() => camera.change());
  part("lamp").onclick = lamp;
  // Who used the camera last time means to use it; nobody else is asked for it.
  if (opensItself() && !document.hidden) open();
}

/** Beside a bill it waits until it is wanted: a coupon, a changing code, another card. */
const opensItself = () => Boolean(localStorage.getItem(USED)) && shown !== null && !("waits" in shown.dataset);

export function close() {
  reader?.stop();
  camera.close();
  show("rest");
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) close();
  else if (shown?.isConnected && opensItself()) open();
});

async function open(start = () => camera.open()) {
  const place = shown;
  note("");
  show("wait");
  try {
    const [module] = await Promise.all([import("./reader.js"), start()]);
    reader ??= new module.Reader();
  } catch (wrong) {
    return refused(wrong);
  }
  // Somebody may have gone on to another page while the camera woke up.
  if (place !== shown || document.hidden) return close();
  localStorage.setItem(USED, "yes");
  show("on");
  part("lamp").hidden = !camera.hasLamp;
  showLamp();
  part("change").hidden = (await camera.others()).length < 2;
  reader.start(video, take, tired).catch(refused);
}

/** @param {unknown} wrong */
function refused(wrong) {
  close();
  const known = { NotAllowedError: "denied", NotFoundError: "none", NotReadableError: "taken" };
  const why = wrong instanceof Error ? known[/** @type {"NotAllowedError"} */ (wrong.name)] : undefined;
  note(say(`till.camera_${why ?? "broken"}`));
}

function tired() {
  close();
  note(say("till.camera_tired"));
}

async function lamp() {
  await camera.light(!camera.isLit).catch(() => {});
  showLamp();
}

function showLamp() {
  part("lamp").setAttribute("aria-pressed", String(camera.isLit));
}

/** @param {"rest" | "wait" | "on"} state */
function show(state) {
  if (!shown) return;
  shown.dataset.finder = state;
  part("open").hidden = state !== "rest";
  part("seen").hidden = state === "rest";
}

/** @param {string} sentence */
function note(sentence) {
  part("note").textContent = sentence;
}

/** @param {string} name */
function part(name) {
  return /** @type {HTMLElement} */ (/** @type {HTMLElement} */ (shown).querySelector(`[data-lens=${name}]`));
}
