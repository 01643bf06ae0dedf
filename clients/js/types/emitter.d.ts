/**
 * Listeners by name of event.
 * @template {Record<string, any>} Events
 */
export class Emitter<Events extends Record<string, any>> {
    /**
     * Calls `listener` at each `event`, until the returned function is called.
     * @template {keyof Events} Name
     * @param {Name} event
     * @param {(value: Events[Name]) => void} listener
     * @returns {() => void}
     */
    on<Name extends keyof Events>(event: Name, listener: (value: Events[Name]) => void): () => void;
    /**
     * @template {keyof Events} Name
     * @param {Name} event
     * @param {(value: Events[Name]) => void} listener
     */
    off<Name extends keyof Events>(event: Name, listener: (value: Events[Name]) => void): void;
    /**
     * Tells the listeners. What one of them throws is reported as uncaught and keeps neither the others nor the client from going on.
     * @template {keyof Events} Name
     * @param {Name} event
     * @param {Events[Name]} value
     */
    emit<Name extends keyof Events>(event: Name, value: Events[Name]): void;
    #private;
}
