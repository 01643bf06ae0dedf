/**
 * Listeners by name of event.
 * @template {Record<string, any>} Events
 */
export class Emitter {
  /** @type {Map<keyof Events, Set<(value: any) => void>>} */
  #listeners = new Map();

  /**
   * Calls `listener` at each `event`, until the returned function is called.
   * @template {keyof Events} Name
   * @param {Name} event
   * @param {(value: Events[Name]) => void} listener
   * @returns {() => void}
   */
  on(event, listener) {
    let set = this.#listeners.get(event);
    if (!set) this.#listeners.set(event, (set = new Set()));
    set.add(listener);
    return () => this.off(event, listener);
  }

  /**
   * @template {keyof Events} Name
   * @param {Name} event
   * @param {(value: Events[Name]) => void} listener
   */
  off(event, listener) {
    this.#listeners.get(event)?.delete(listener);
  }

  /**
   * Tells the listeners. What one of them throws is reported as uncaught and keeps neither the others nor the client from going on.
   * @template {keyof Events} Name
   * @param {Name} event
   * @param {Events[Name]} value
   */
  emit(event, value) {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        listener(value);
      } catch (error) {
        if (typeof globalThis.reportError === 'function') globalThis.reportError(error);
        else queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
