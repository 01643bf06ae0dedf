/**
 * Where a comment may fly without touching another. Each crosses in the same time, so that long ones are faster; what
 * counts is that the one before has wholly come in, and is gone before this one reaches the end.
 */
export class Lanes {
  /** The last comment of each lane. @type {({startMs: number, widthPx: number} | null)[]} */
  #last = [];

  /**
   * @param {number} crossMs From the right edge in to the left edge out.
   * @param {number} gapPx Between two in one lane.
   */
  constructor(crossMs, gapPx) {
    this.crossMs = crossMs;
    this.gapPx = gapPx;
  }

  /** @param {number} count Of lanes. */
  resize(count) {
    this.#last.length = Math.min(this.#last.length, count);
    while (this.#last.length < count) this.#last.push(null);
  }

  /**
   * Takes the first lane that is free.
   * @param {number} widthPx Of the comment.
   * @param {number} stagePx Width of the stage.
   * @param {number} nowMs
   * @returns {number} The lane, or -1.
   */
  take(widthPx, stagePx, nowMs) {
    const lane = this.#last.findIndex((last) => !last || this.#clear(last, widthPx, stagePx, nowMs));
    if (lane >= 0) this.#last[lane] = { startMs: nowMs, widthPx };
    return lane;
  }

  /**
   * @param {{startMs: number, widthPx: number}} last
   * @param {number} widthPx
   * @param {number} stagePx
   * @param {number} nowMs
   */
  #clear(last, widthPx, stagePx, nowMs) {
    const ageMs = nowMs - last.startMs;
    if (ageMs >= this.crossMs) return true;
    const tailPx = (ageMs / this.crossMs) * (stagePx + last.widthPx) - last.widthPx;
    if (tailPx < this.gapPx) return false;
    const reachesEndMs = (stagePx / (stagePx + widthPx)) * this.crossMs;
    const goneInMs = this.crossMs - ageMs;
    const gapMs = (this.gapPx / (stagePx + widthPx)) * this.crossMs;
    return reachesEndMs >= goneInMs + gapMs;
  }
}
