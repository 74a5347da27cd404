/** Decoded pictures: the one on the table and the next few, so that the next image is there before it is asked for. */

import { API_ROOT } from "../core/api";

export interface Picture {
  key: number;
  bitmap: ImageBitmap;
  width: number;
  height: number;
}

const KEPT = 6;

export class Pictures {
  private readonly loading = new Map<number, Promise<Picture>>();

  constructor(private readonly root: string = API_ROOT) {}

  /** Fetch and decode; the same promise for the same key until it is dropped. */
  get(key: number): Promise<Picture> {
    const known = this.loading.get(key);
    if (known) {
      this.loading.delete(key);
      this.loading.set(key, known);
      return known;
    }
    const promise = this.load(key);
    this.loading.set(key, promise);
    promise.catch(() => this.loading.delete(key));
    this.trim();
    return promise;
  }

  private async load(key: number): Promise<Picture> {
    const response = await fetch(`${this.root}/images/${key}/picture`, { credentials: "same-origin" });
    if (!response.ok) throw new Error(`The picture cannot be read (${response.status}).`);
    const bitmap = await createImageBitmap(await response.blob(), { imageOrientation: "from-image" });
    return { key, bitmap, width: bitmap.width, height: bitmap.height };
  }

  private trim(): void {
    for (const [key, promise] of this.loading) {
      if (this.loading.size <= KEPT) return;
      this.loading.delete(key);
      promise.then(
        (picture) => setTimeout(() => picture.bitmap.close(), 1000),
        () => undefined,
      );
    }
  }
}
