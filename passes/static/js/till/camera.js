// The camera: which one, on, off, and its lamp. What was chosen is remembered on this device.

const CHOSEN = "till camera";
const WANTED = { width: { ideal: 1280 }, height: { ideal: 720 } };

export class Camera {
  /** @type {MediaStream | null} */
  #stream = null;
  isLit = false;

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.video = video;
  }

  static get isPossible() {
    return Boolean(navigator.mediaDevices?.getUserMedia && window.WebAssembly);
  }

  get isOn() {
    return this.#stream !== null;
  }

  /** Throws what the browser throws: NotAllowedError, NotFoundError, … */
  async open() {
    this.close();
    this.#stream = await this.#ask(localStorage.getItem(CHOSEN));
    this.video.srcObject = this.#stream;
    await this.video.play();
    const chosen = this.#track?.getSettings().deviceId;
    if (chosen) localStorage.setItem(CHOSEN, chosen);
  }

  close() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.isLit = false;
    this.video.srcObject = null;
  }

  async others() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter((one) => one.kind === "videoinput");
  }

  /** The next camera of this device; after the last comes the first. */
  async change() {
    const all = await this.others();
    const at = all.findIndex((one) => one.deviceId === localStorage.getItem(CHOSEN));
    const next = all[(at + 1) % all.length];
    if (next) localStorage.setItem(CHOSEN, next.deviceId);
    await this.open();
  }

  get hasLamp() {
    return Boolean(/** @type {any} */ (this.#track?.getCapabilities?.() ?? {}).torch);
  }

  /** @param {boolean} on */
  async light(on) {
    await this.#track?.applyConstraints(/** @type {any} */ ({ advanced: [{ torch: on }] }));
    this.isLit = on;
  }

  get #track() {
    return this.#stream?.getVideoTracks()[0];
  }

  /** @param {string | null} id */
  async #ask(id) {
    const which = id ? { deviceId: { exact: id } } : { facingMode: { ideal: "environment" } };
    try {
      return await navigator.mediaDevices.getUserMedia({ video: { ...WANTED, ...which } });
    } catch (wrong) {
      // The camera of last time was unplugged, or browsers gave it another name: any other will do.
      if (!id || !(wrong instanceof Error) || !["OverconstrainedError", "NotFoundError"].includes(wrong.name)) throw wrong;
      localStorage.removeItem(CHOSEN);
      return this.#ask(null);
    }
  }
}
