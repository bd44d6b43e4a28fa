// What this till keeps for itself: actions that wait for a connection, and the permission to work without one.

const NAME = "till";
/** @type {Promise<IDBDatabase> | null} */
let opened = null;

/** @returns {Promise<IDBDatabase>} */
export function database() {
  opened ??= new Promise((done, failed) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("actions", { keyPath: "seq" }).createIndex("id", "id", { unique: true });
      request.result.createObjectStore("kept");
    };
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
  return opened;
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
export function answer(request) {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}

/** Done only when it is on the disk. @param {IDBTransaction} work @returns {Promise<void>} */
export function settled(work) {
  return new Promise((done, failed) => {
    work.oncomplete = () => done();
    work.onerror = work.onabort = () => failed(work.error);
  });
}

/** @param {string} name @returns {Promise<any>} */
export async function recall(name) {
  return answer((await database()).transaction("kept").objectStore("kept").get(name));
}

/** A till put back from an old image must not use numbers again that the server has seen. @param {number} seq */
export async function countFrom(seq) {
  const work = (await database()).transaction("kept", "readwrite");
  const kept = work.objectStore("kept");
  if (((await answer(kept.get("seq"))) ?? 0) < seq) kept.put(seq, "seq");
  await settled(work);
}

/** @param {string} name @param {unknown} value */
export async function keep(name, value) {
  const work = (await database()).transaction("kept", "readwrite");
  work.objectStore("kept").put(value, name);
  await settled(work);
}
