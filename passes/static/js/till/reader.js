// Reads codes from what the camera sees: QR, PDF417, Aztec and Code 128. The compiled reader comes from here and
// nowhere else, once, when the first camera is opened.

import { BarcodeDetector, prepareZXingModule } from "../../vendor/scanner/ponyfill.js";

const FORMATS = /** @type {const} */ (["qr_code", "pdf417", "aztec", "code_128"]);
const READER = new URL("../../vendor/scanner/zxing_reader.wasm", import.meta.url).href;

/** How long a code that was read stays unread, as long as it is held before the camera. */
const AGAIN_MS = 2000;
const REST_MS = 60;
/** A camera that saw nothing for so long looks less often, then not at all: batteries have a long day. */
const SLOW_AFTER_MS = 20_000;
const SLOW_REST_MS = 400;
const STOP_AFTER_MS = 120_000;

prepareZXingModule({ overrides: { locateFile: () => READER } });

export class Reader {
  #detector = new BarcodeDetector({ formats: [...FORMATS] });
  #last = { code: "", at: -Infinity };
  #turn = 0;

  /**
   * Looks at the video, one picture at a time, until `stop`.
   * @param {HTMLVideoElement} video
   * @param {(code: string) => void} seen
   * @param {() => void} tired nothing was seen for long; it has stopped
   */
  async start(video, seen, tired) {
    const turn = ++this.#turn;
    let since = performance.now();
    // The code that led to this page may still be held before the camera.
    this.#last.at = since;
    while (turn === this.#turn) {
      const idle = performance.now() - since;
      if (idle > STOP_AFTER_MS) return tired();
      const code = document.hidden ? "" : await this.#look(video);
      if (turn !== this.#turn) return;
      if (code) since = performance.now();
      if (code && this.#isNew(code)) seen(code);
      await pause(idle > SLOW_AFTER_MS ? SLOW_REST_MS : REST_MS);
    }
  }

  stop() {
    this.#turn++;
  }

  /** Whatever is before the camera is meant, also when it was read before. */
  forget() {
    this.#last = { code: "", at: -Infinity };
  }

  /** @param {HTMLVideoElement} video */
  async #look(video) {
    if (video.readyState < video.HAVE_CURRENT_DATA) return "";
    const found = await this.#detector.detect(video);
    return found[0]?.rawValue ?? "";
  }

  /** @param {string} code */
  #isNew(code) {
    const now = performance.now();
    const isNew = code !== this.#last.code || now - this.#last.at > AGAIN_MS;
    // As long as it stays in view it is the same reading.
    this.#last = { code, at: now };
    return isNew;
  }
}

/** @param {number} ms */
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
