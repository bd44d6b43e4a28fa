// The verdict, heard and felt where the device can: nobody at a counter looks at a screen all the time.

/** @type {AudioContext | null} */
let sound = null;

const TONES = { good: [[880, 0, 0.09], [1175, 0.09, 0.14]], warn: [[440, 0, 0.18]], bad: [[220, 0, 0.2], [185, 0.22, 0.3]] };
const TREMORS = { good: [40], warn: [80, 60, 80], bad: [160, 80, 160] };

/** @param {"good" | "warn" | "bad"} level */
export function signal(level) {
  // Before anybody touched the page a browser allows neither.
  if (!navigator.userActivation?.hasBeenActive) return;
  navigator.vibrate?.(TREMORS[level]);
  sound ??= window.AudioContext ? new AudioContext() : null;
  if (!sound) return;
  sound.resume();
  for (const [pitch, after, length] of TONES[level]) tone(sound, pitch, sound.currentTime + after, length);
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
