// Numbers for receipts: made here, before anything is sent, so that a thing sent twice counts once.

export function newReceipt() {
  const random = crypto.getRandomValues(new Uint8Array(12));
  return `till-${Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
