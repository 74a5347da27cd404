/** Where unsent actions wait: IndexedDB in the browser, so that a closed tab or a dead network loses nothing. */

/** One request that still has to reach the server. Sent in the order of `seq`, image by image. */
export interface Waiting {
  seq: number;
  image_key: number;
  path: string;
  /** The image's version this was made on. */
  base_version: number;
  body: { id: string } & Record<string, unknown>;
}

export interface Outbox {
  add(item: Omit<Waiting, "seq">): Promise<Waiting>;
  all(): Promise<Waiting[]>;
  remove(seq: number): Promise<void>;
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Opens (and makes) the data base of one project; every project has its own. */
export async function openOutbox(factory: IDBFactory, projectName: string): Promise<Outbox> {
  const opening = factory.open(`firstpass-outbox:${projectName}`, 1);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore("waiting", { keyPath: "seq", autoIncrement: true });
  };
  const db = await done(opening);
  const store = (mode: IDBTransactionMode) => db.transaction("waiting", mode).objectStore("waiting");
  return {
    async add(item) {
      const seq = (await done(store("readwrite").add(item))) as number;
      return { ...item, seq };
    },
    all: () => done(store("readonly").getAll()) as Promise<Waiting[]>,
    remove: (seq) => done(store("readwrite").delete(seq)) as Promise<undefined>,
  };
}

/** For a browser without IndexedDB (private windows of some), and for tests: kept until the tab closes. */
export function memoryOutbox(): Outbox {
  const items = new Map<number, Waiting>();
  let next = 1;
  return {
    async add(item) {
      const waiting = { ...item, seq: next++ };
      items.set(waiting.seq, waiting);
      return waiting;
    },
    all: async () => [...items.values()],
    async remove(seq) {
      items.delete(seq);
    },
  };
}
