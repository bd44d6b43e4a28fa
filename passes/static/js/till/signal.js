// The verdict, heard and felt where the device can: nobody at a counter looks at a screen all the time.

/** @type {AudioContext | null} */
let sound = null;
let isTouched = false;

const TONES = { good: [[880, 0, 0.09], [1175, 0.09, 0.14]], warn: [[440, 0, 0.18]], bad: [[220, 0, 0.2], [185, 0.22, 0.3]] };
const TREMORS = { good: [40], warn: [80, 60, 80], bad: [160, 80, 160] };

/** @param {"good" | "warn" | "bad"} level */
export function signal(level) {
  // Before anybody touched the page a browser allows neither.
  if (!isAllowed()) return;
  navigator.vibrate?.(TREMORS[level]);
  wake();
  if (!sound) return;
  for (const [pitch, after, length] of TONES[level]) tone(sound, pitch, sound.currentTime + after, length);
}

/** Older iPhones do not say whether somebody touched the page. */
const isAllowed = () => navigator.userActivation?.hasBeenActive ?? isTouched;

function wake() {
  const Sound = window.AudioContext ?? /** @type {any} */ (window).webkitAudioContext;
  sound ??= Sound ? new Sound() : null;
  sound?.resume();
}

// An iPhone lets sounds begin within a touch alone; those of a later scan may then follow.
for (const touch of ["touchend", "click", "keydown"]) {
  addEventListener(touch, ({ isTrusted }) => {
    isTouched ||= isTrusted;
    if (isAllowed()) wake();
  }, true);
}

/**
 * @param {AudioContext} at
 * @param {number} pitch
 * @param {number} start
 * @param {number} length
 */
function tone(at, pitch, start, length) {
  const source = at.createOscillator();
  const volume = at.createGain();
  source.frequency.value = pitch;
  volume.gain.setValueAtTime(0.08, start);
  volume.gain.exponentialRampToValueAtTime(0.001, start + length);
  source.connect(volume).connect(at.destination);
  source.start(start);
  source.stop(start + length);
}
