// Keeps the last picture that was checked in this browser, so that it can stand beside
// the release without being sent or stored anywhere else.
const MOST = 32 * 1024 * 1024;

function store(mode) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("provenance", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("copies");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction("copies", mode);
      resolve(transaction.objectStore("copies"));
    };
  });
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export async function keepCopy(id, file) {
  try {
    const copies = await store("readwrite");
    copies.clear();
    if (file.size <= MOST && file.type.startsWith("image/")) await done(copies.put(file, id));
  } catch {
    // A private window may have no store: the copy can be chosen again.
  }
}

export async function keptCopy(id) {
  try {
    return await done((await store("readonly")).get(id));
  } catch {
    return undefined;
  }
}
